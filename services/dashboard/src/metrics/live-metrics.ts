export class LiveMetrics { addCounts(_data: string): void {} reset(): void {} }
