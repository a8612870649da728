export function LevelChips(_properties: object) { return null; }
