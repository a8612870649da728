export function SavedViews(_properties: object) { return null; }
