/** Texts of the metrics and of the histogram. */
import type { Language } from "../browser/preferences";
import { digits, type Translated } from "./language";

interface ChartSummary {
  readonly total: number;
  readonly errors: number;
  readonly from: string;
  readonly to: string;
}

interface MetricsTexts {
  readonly panel: string;
  readonly now: string;
  readonly range: string;
  readonly hide: string;
  readonly show: string;
  readonly allRecords: string;
  readonly rate: string;
  readonly mean: string;
  readonly errors: string;
  readonly lag: string;
  readonly dropped: string;
  readonly topNodes: string;
  readonly perSecond: (rate: number) => string;
  readonly lags: (p50_ms: number, p99_ms: number) => string;
  readonly otherLevels: string;
  readonly noRecords: string;
  readonly chart: (shown: ChartSummary) => string;
  readonly chartHelp: string;
  readonly refresh: string;
  readonly zoomOut: string;
  readonly clearRange: string;
  readonly total: (count: number) => string;
  readonly countedFrom: (time: string) => string;
  readonly counting: string;
}

function rounded(value: number, language: Language): string {
  return value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 1 : 0 });
}

const en: MetricsTexts = {
  panel: "Metrics",
  now: "Now",
  range: "Range",
  hide: "Hide metrics",
  show: "Show metrics",
  allRecords: "All records received since this page was opened (at most the last 5 minutes), regardless of filters",
  rate: "Rate",
  mean: "Average",
  errors: "Errors",
  lag: "Delivery delay",
  dropped: "Dropped",
  topNodes: "Busiest nodes",
  perSecond: (rate) => `${rounded(rate, "en")}/s`,
  lags: (p50_ms, p99_ms) => `${rounded(p50_ms, "en")} ms (p99: ${rounded(p99_ms, "en")} ms)`,
  otherLevels: "other",
  noRecords: "No records",
  chart: ({ total, errors, from, to }) =>
    `${digits(total, "en")} records by level over time, including ${digits(errors, "en")} errors, from ${from} to ${to}`,
  chartHelp: "Drag across the chart to select a range.",
  refresh: "Refresh",
  zoomOut: "Zoom out",
  clearRange: "All time",
  total: (count) => `${digits(count, "en")} ${count === 1 ? "record" : "records"}`,
  countedFrom: (time) => `counts include records since ${time}`,
  counting: "Counting…",
};

const ko: MetricsTexts = {
  panel: "지표",
  now: "현재",
  range: "범위",
  hide: "지표 숨기기",
  show: "지표 보기",
  allRecords: "필터와 관계없이 이 페이지를 연 뒤 도착한 모든 레코드 (최근 5분까지)",
  rate: "유입 속도",
  mean: "평균",
  errors: "오류",
  lag: "전달 지연",
  dropped: "생략",
  topNodes: "로그가 가장 많은 노드",
  perSecond: (rate) => `${rounded(rate, "ko")}/초`,
  lags: (p50_ms, p99_ms) => `${rounded(p50_ms, "ko")} ms (p99: ${rounded(p99_ms, "ko")} ms)`,
  otherLevels: "기타",
  noRecords: "레코드 없음",
  chart: ({ total, errors, from, to }) =>
    `${from}부터 ${to}까지 레벨별 레코드 ${digits(total, "ko")}개, 그중 오류 ${digits(errors, "ko")}개`,
  chartHelp: "차트를 드래그해서 범위를 선택하세요.",
  refresh: "새로고침",
  zoomOut: "축소",
  clearRange: "전체 기간",
  total: (count) => `레코드 ${digits(count, "ko")}개`,
  countedFrom: (time) => `${time} 이후의 레코드를 집계함`,
  counting: "집계 중…",
};

export const metricsTexts: Translated<MetricsTexts> = { en, ko };
