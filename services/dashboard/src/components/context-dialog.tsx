export function ContextDialog(_properties: object) { return null; }
