import type { Filter, Range } from "../records/filter";
export interface Facets { readonly levels: readonly { value: string; count: number; severity: number }[]; readonly nodes: readonly { value: string; count: number }[] }
export function useFacets(_filter: Filter, _range: Range): Facets | null { return null; }
