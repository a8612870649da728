/** Filters by nodes, listed with their record counts, or by a pattern of names. */
import { useState } from "react";
import type { Facets } from "../../metrics/facets";
import { type Filter, isFilterable, nodeFilterOf, toggled } from "../../records/filter";
import { digits } from "../../texts/language";
import { rangeTexts } from "../../texts/range";
import { Popover } from "../overlay/popover";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

interface Properties {
  filter: Filter;
  facets: Facets | null;
  onChange: (filter: Filter) => void;
}

export function NodePicker(properties: Properties) {
  const texts = useTexts(rangeTexts);
  const { nodes } = properties.filter;
  const label = nodes.length === 0 ? texts.nodes : texts.nodesChosen(nodes.length);
  return (
    <Popover label={label} used={nodes.length > 0}>
      {() => <NodeList {...properties} />}
    </Popover>
  );
}

function NodeList({ filter, facets, onChange }: Properties) {
  const texts = useTexts(rangeTexts);
  const { language } = useChoices();
  const [typed, setTyped] = useState("");
  const pattern = typed.trim();
  const known = facets?.nodes ?? [];
  const patterns = filter.nodes.filter((name) => !known.some(({ value }) => value === name));
  const matching = known.filter(({ value }) => value.toLowerCase().includes(pattern.toLowerCase()));
  const toggle = (name: string) => onChange({ ...filter, nodes: toggled(filter.nodes, name) });
  const add = () => {
    if (isFilterable(pattern) && !filter.nodes.includes(pattern)) toggle(pattern);
    setTyped("");
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
        value={typed}
        aria-label={texts.findNode}
        placeholder={texts.findNode}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
      />
      {isFilterable(pattern) && (
        <button type="submit">
          <VisibleText text={texts.addPattern(pattern)} />
        </button>
      )}
      <ul className="choices">
        {[...patterns.map((value) => ({ value, count: null })), ...matching].map(({ value, count }) => (
          <li key={value}>
            <label title={count !== null && nodeFilterOf(value) === null ? texts.notFilterable : undefined}>
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
      {matching.length === 0 && pattern !== "" && <p className="dim">{texts.noNode}</p>}
      {facets !== null && facets.distinctNodes > known.length && (
        <p className="dim">{texts.moreNodes(facets.distinctNodes - known.length)}</p>
      )}
      {filter.nodes.length > 0 && (
        <button type="button" onClick={() => onChange({ ...filter, nodes: [] })}>
          {texts.clear}
        </button>
      )}
    </form>
  );
}
