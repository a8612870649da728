export function PreferenceMenu(_properties: object) { return null; }
