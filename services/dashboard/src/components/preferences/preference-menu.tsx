/** Colours, language and clock. */
import { LANGUAGES, type Language, THEMES, type Theme } from "../../browser/preferences";
import { ZONES, type Zone } from "../../records/clock-time";
import { LANGUAGE_NAMES, preferencesWords } from "../../texts/preferences";
import { useChoices, usePreferences, useWords } from "./preferences-context";
import "./preferences.css";

export function PreferenceMenu() {
  const preferences = usePreferences();
  const { theme, language, zone } = useChoices();
  const words = useWords(preferencesWords);
  return (
    <div className="preferences">
      <label>
        <span>{words.theme}</span>
        <select value={theme} onChange={(event) => preferences.choose({ theme: event.target.value as Theme })}>
          {THEMES.map((name) => (
            <option key={name} value={name}>
              {words.themes[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{words.language}</span>
        <select value={language} onChange={(event) => preferences.choose({ language: event.target.value as Language })}>
          {LANGUAGES.map((name) => (
            <option key={name} value={name} lang={name}>
              {LANGUAGE_NAMES[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{words.zone}</span>
        <select value={zone} onChange={(event) => preferences.choose({ zone: event.target.value as Zone })}>
          {ZONES.map((name) => (
            <option key={name} value={name}>
              {words.zones[name]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
