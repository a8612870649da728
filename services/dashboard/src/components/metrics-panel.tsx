export function MetricsPanel(_properties: object) { return null; }
