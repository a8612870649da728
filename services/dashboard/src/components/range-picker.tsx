export function RangePicker(_properties: object) { return null; }
