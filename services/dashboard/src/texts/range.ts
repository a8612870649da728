/** Texts of the filters by level, node and time. */
import { digits, type Translated } from "./language";

interface RangeTexts {
  readonly levels: string;
  readonly records: (count: number, sampled: boolean) => string;
  readonly notFilterable: string;
  readonly atLeast: (level: string) => string;
  readonly removeAtLeast: (level: string) => string;
  readonly nodes: string;
  readonly nodesChosen: (count: number) => string;
  readonly findNode: string;
  readonly addPattern: (pattern: string) => string;
  readonly noNode: string;
  readonly moreNodes: (count: number) => string;
  readonly clear: string;
  readonly allTime: string;
  readonly last: Readonly<Record<string, string>>;
  readonly since: (time: string) => string;
  readonly until: (time: string) => string;
  readonly from: string;
  readonly to: string;
  readonly zone: Readonly<Record<"local" | "utc", string>>;
  readonly apply: string;
  readonly unreadable: string;
  readonly endFirst: string;
  readonly endStopsLive: string;
  readonly backToLive: string;
}

const en: RangeTexts = {
  levels: "Levels",
  records: (count, sampled) =>
    `${digits(count, "en")} ${count === 1 ? "record" : "records"}${sampled ? " (counted among the newest only)" : ""}`,
  notFilterable:
    "Cannot filter by a value that is empty, contains a comma or an asterisk, or begins or ends with a space",
  atLeast: (level) => `at least ${level}`,
  removeAtLeast: (level) => `Remove the filter “at least ${level}”`,
  nodes: "Nodes",
  nodesChosen: (count) => `Nodes: ${count}`,
  findNode: "Find, or use * as a wildcard",
  addPattern: (pattern) => `Add ${pattern}`,
  noNode: "No known node matches.",
  moreNodes: (count) => `${digits(count, "en")} more. Enter a name to add it.`,
  clear: "Clear",
  allTime: "Live, all time",
  last: {
    "-5m": "Last 5 minutes",
    "-15m": "Last 15 minutes",
    "-1h": "Last hour",
    "-6h": "Last 6 hours",
    "-1d": "Last 24 hours",
    "-7d": "Last 7 days",
  },
  since: (time) => `Since ${time}`,
  until: (time) => `Until ${time}`,
  from: "From",
  to: "To",
  zone: { local: "local time", utc: "UTC" },
  apply: "Apply",
  unreadable: "Enter a date and time.",
  endFirst: "The end must be after the start.",
  endStopsLive: "A range with an end time is not updated with new records.",
  backToLive: "Back to live",
};

const ko: RangeTexts = {
  levels: "레벨",
  records: (count, sampled) => `${sampled ? "최신 " : ""}레코드 ${sampled ? "중 " : ""}${digits(count, "ko")}개`,
  notFilterable: "비어 있거나 쉼표, 별표, 앞뒤 공백이 있는 값으로는 필터링할 수 없습니다",
  atLeast: (level) => `${level} 이상`,
  removeAtLeast: (level) => `“${level} 이상” 필터 제거`,
  nodes: "노드",
  nodesChosen: (count) => `노드: ${count}`,
  findNode: "이름 또는 * 패턴으로 찾기",
  addPattern: (pattern) => `${pattern} 추가`,
  noNode: "일치하는 노드가 없습니다.",
  moreNodes: (count) => `${digits(count, "ko")}개 더 있습니다. 이름을 입력해 추가하세요.`,
  clear: "선택 해제",
  allTime: "실시간, 전체 기간",
  last: {
    "-5m": "최근 5분",
    "-15m": "최근 15분",
    "-1h": "최근 1시간",
    "-6h": "최근 6시간",
    "-1d": "최근 24시간",
    "-7d": "최근 7일",
  },
  since: (time) => `${time}부터`,
  until: (time) => `${time}까지`,
  from: "시작",
  to: "종료",
  zone: { local: "현지 시각", utc: "UTC" },
  apply: "적용",
  unreadable: "날짜와 시각을 입력하세요.",
  endFirst: "종료는 시작보다 뒤여야 합니다.",
  endStopsLive: "종료 시각이 있는 범위에는 새 레코드가 표시되지 않습니다.",
  backToLive: "실시간으로 돌아가기",
};

export const rangeTexts: Translated<RangeTexts> = { en, ko };
export const QUICK_RANGES = ["-5m", "-15m", "-1h", "-6h", "-1d", "-7d"] as const;
