/** Texts of the preferences. */
import type { Language, Theme } from "../browser/preferences";
import type { Zone } from "../records/clock-time";
import type { Translated } from "./language";

interface PreferencesTexts {
  readonly theme: string;
  readonly themes: Readonly<Record<Theme, string>>;
  readonly language: string;
  readonly zone: string;
  readonly zones: Readonly<Record<Zone, string>>;
}

/** Each in its own language, so that readers recognize theirs. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", ko: "한국어" };

const en: PreferencesTexts = {
  theme: "Theme",
  themes: { system: "System", light: "Light", dark: "Dark" },
  language: "Language",
  zone: "Time zone",
  zones: { local: "Local", utc: "UTC" },
};

const ko: PreferencesTexts = {
  theme: "테마",
  themes: { system: "시스템", light: "라이트", dark: "다크" },
  language: "언어",
  zone: "시간대",
  zones: { local: "현지", utc: "UTC" },
};

export const preferencesTexts: Translated<PreferencesTexts> = { en, ko };
