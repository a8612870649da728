export function HelpSheet(_properties: object) { return null; }
