/** Name of the page, state of the connection, choice of theme. */
import { useState } from "react";
import type { Connection } from "../live/live-stream";
import { THEMES, type Theme, type ThemeChoice } from "../theme";

const CONNECTIONS: Record<Connection, string> = {
  connecting: "Connecting",
  live: "Live",
  lost: "Lost, retrying",
};

const NAMES: Record<ThemeChoice, string> = { system: "System", light: "Light", dark: "Dark" };

export function Header({ connection, theme }: { connection: Connection; theme: Theme }) {
  const [choice, setChoice] = useState(theme.choice);
  const choose = (next: ThemeChoice) => {
    theme.choose(next);
    setChoice(next);
  };
  return (
    <header className="header">
      <h1>logstream</h1>
      <p className="connection" data-connection={connection} role="status">
        <span className="dot" aria-hidden="true" />
        {CONNECTIONS[connection]}
      </p>
      <label className="theme">
        Theme
        <select value={choice} onChange={(event) => choose(event.target.value as ThemeChoice)}>
          {THEMES.map((name) => (
            <option key={name} value={name}>
              {NAMES[name]}
            </option>
          ))}
        </select>
      </label>
    </header>
  );
}
