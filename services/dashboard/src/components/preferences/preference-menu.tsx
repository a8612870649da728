/** Selects theme, language and time zone. */
import { LANGUAGES, type Language, THEMES, type Theme } from "../../browser/preferences";
import { ZONES, type Zone } from "../../records/clock-time";
import { LANGUAGE_NAMES, preferencesTexts } from "../../texts/preferences";
import { useChoices, usePreferences, useTexts } from "./preferences-context";
import "./preferences.css";

export function PreferenceMenu() {
  const preferences = usePreferences();
  const { theme, language, zone } = useChoices();
  const texts = useTexts(preferencesTexts);
  return (
    <div className="preferences">
      <label>
        <span>{texts.theme}</span>
        <select value={theme} onChange={(event) => preferences.choose({ theme: event.target.value as Theme })}>
          {THEMES.map((name) => (
            <option key={name} value={name}>
              {texts.themes[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{texts.language}</span>
        <select value={language} onChange={(event) => preferences.choose({ language: event.target.value as Language })}>
          {LANGUAGES.map((name) => (
            <option key={name} value={name} lang={name}>
              {LANGUAGE_NAMES[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{texts.zone}</span>
        <select value={zone} onChange={(event) => preferences.choose({ zone: event.target.value as Zone })}>
          {ZONES.map((name) => (
            <option key={name} value={name}>
              {texts.zones[name]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
