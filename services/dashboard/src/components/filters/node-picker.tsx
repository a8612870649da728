/** The nodes, each with how many records it has, to be chosen from; or a pattern of names. */
import { useState } from "react";
import type { Facets } from "../../metrics/facets";
import { type Filter, isAskable, nodeFilterOf, toggled } from "../../records/filter";
import { digits } from "../../texts/language";
import { rangeWords } from "../../texts/range";
import { Popover } from "../overlay/popover";
import { useChoices, useWords } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

interface Properties {
  filter: Filter;
  facets: Facets | null;
  onChange: (filter: Filter) => void;
}

export function NodePicker(properties: Properties) {
  const words = useWords(rangeWords);
  const { nodes } = properties.filter;
  const label = nodes.length === 0 ? words.nodes : words.nodesChosen(nodes.length);
  return (
    <Popover label={label} used={nodes.length > 0}>
      {() => <NodeList {...properties} />}
    </Popover>
  );
}

function NodeList({ filter, facets, onChange }: Properties) {
  const words = useWords(rangeWords);
  const { language } = useChoices();
  const [sought, setSought] = useState("");
  const pattern = sought.trim();
  const known = facets?.nodes ?? [];
  const patterns = filter.nodes.filter((name) => !known.some(({ value }) => value === name));
  const found = known.filter(({ value }) => value.toLowerCase().includes(pattern.toLowerCase()));
  const toggle = (name: string) => onChange({ ...filter, nodes: toggled(filter.nodes, name) });
  const add = () => {
    if (isAskable(pattern) && !filter.nodes.includes(pattern)) toggle(pattern);
    setSought("");
  };
  return (
    <form
      className="fields-of"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <input
        type="text"
        value={sought}
        aria-label={words.findNode}
        placeholder={words.findNode}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setSought(event.target.value)}
      />
      {isAskable(pattern) && (
        <button type="submit">
          <VisibleText text={words.addPattern(pattern)} />
        </button>
      )}
      <ul className="choices">
        {[...patterns.map((value) => ({ value, count: null })), ...found].map(({ value, count }) => (
          <li key={value}>
            <label title={count !== null && nodeFilterOf(value) === null ? words.notAskable : undefined}>
              <input
                type="checkbox"
                checked={filter.nodes.includes(value)}
                disabled={count !== null && nodeFilterOf(value) === null}
                onChange={() => toggle(value)}
              />
              <span className="choice">
                <VisibleText text={value} />
              </span>
              {count !== null && <span className="count">{digits(count, language)}</span>}
            </label>
          </li>
        ))}
      </ul>
      {found.length === 0 && pattern !== "" && <p className="dim">{words.noNode}</p>}
      {facets !== null && facets.distinctNodes > known.length && (
        <p className="dim">{words.moreNodes(facets.distinctNodes - known.length)}</p>
      )}
      {filter.nodes.length > 0 && (
        <button type="button" onClick={() => onChange({ ...filter, nodes: [] })}>
          {words.clear}
        </button>
      )}
    </form>
  );
}
