export function NodePicker(_properties: object) { return null; }
