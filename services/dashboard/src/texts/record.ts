/** Texts of a record and of its surroundings. */
import { digits, type Translated } from "./language";

interface RecordTexts {
  readonly attributes: string;
  readonly time: string;
  readonly local: string;
  readonly level: string;
  readonly node: string;
  readonly sequence: string;
  readonly message: string;
  readonly detailsOf: (sequence: string) => string;
  readonly laidOut: string;
  readonly only: string;
  readonly atLeast: string;
  readonly without: string;
  readonly onlyLabel: (what: string) => string;
  readonly withoutLabel: (what: string) => string;
  readonly notFilterable: string;
  readonly copyText: string;
  readonly copyJson: string;
  readonly copyLink: string;
  readonly copied: string;
  readonly notCopied: string;
  readonly context: string;
  readonly contextOf: (sequence: string) => string;
  readonly sameNode: string;
  readonly allNodes: string;
  readonly scope: string;
  readonly newer: string;
  readonly older: string;
  readonly noNewer: (scope: "node" | "all") => string;
  readonly noOlder: (scope: "node" | "all") => string;
  readonly shown: (count: number) => string;
  readonly notStored: string;
  readonly close: string;
  readonly reading: string;
  readonly tryAgain: string;
}

const en: RecordTexts = {
  attributes: "Attributes",
  time: "Time",
  local: "Local time",
  level: "Level",
  node: "Node",
  sequence: "Sequence",
  message: "Message",
  detailsOf: (sequence) => `Record ${sequence}`,
  laidOut: "Lay out JSON",
  only: "only",
  atLeast: "and more severe",
  without: "without",
  onlyLabel: (what) => `Only records with ${what}`,
  withoutLabel: (what) => `Without records with ${what}`,
  notFilterable: "A value that is empty or has a comma, a star or blanks around it can't be filtered by",
  copyText: "Copy text",
  copyJson: "Copy JSON",
  copyLink: "Copy link",
  copied: "Copied",
  notCopied: "The browser did not let it be copied",
  context: "Context",
  contextOf: (sequence) => `Around record ${sequence}`,
  sameNode: "Same node",
  allNodes: "All nodes",
  scope: "Records of",
  newer: "Show newer",
  older: "Show older",
  noNewer: (scope) => (scope === "node" ? "Nothing newer of this node is stored." : "Nothing newer is stored."),
  noOlder: (scope) => (scope === "node" ? "Nothing older of this node is stored." : "Nothing older is stored."),
  shown: (count) => `${digits(count, "en")} ${count === 1 ? "record" : "records"}, newest first`,
  notStored: "This record isn't stored, or isn't any more.",
  close: "Close",
  reading: "Reading",
  tryAgain: "Try again",
};

const ko: RecordTexts = {
  attributes: "속성",
  time: "시각",
  local: "현지 시각",
  level: "레벨",
  node: "노드",
  sequence: "시퀀스",
  message: "메시지",
  detailsOf: (sequence) => `레코드 ${sequence}`,
  laidOut: "JSON 정렬",
  only: "포함",
  atLeast: "이상 심각도",
  without: "제외",
  onlyLabel: (what) => `${what} 포함 레코드만 보기`,
  withoutLabel: (what) => `${what} 제외`,
  notFilterable: "비어 있거나 쉼표, 별표, 앞뒤 공백이 있는 값은 필터로 쓸 수 없습니다",
  copyText: "텍스트 복사",
  copyJson: "JSON 복사",
  copyLink: "링크 복사",
  copied: "복사했습니다",
  notCopied: "브라우저가 복사를 허용하지 않았습니다",
  context: "전후 보기",
  contextOf: (sequence) => `레코드 ${sequence} 전후`,
  sameNode: "같은 노드",
  allNodes: "모든 노드",
  scope: "레코드 범위",
  newer: "더 새로운 레코드",
  older: "더 오래된 레코드",
  noNewer: (scope) => (scope === "node" ? "이 노드의 더 새로운 레코드가 없습니다." : "더 새로운 레코드가 없습니다."),
  noOlder: (scope) => (scope === "node" ? "이 노드의 더 오래된 레코드가 없습니다." : "더 오래된 레코드가 없습니다."),
  shown: (count) => `레코드 ${digits(count, "ko")}개, 최신순`,
  notStored: "이 레코드는 저장되어 있지 않거나 이미 삭제되었습니다.",
  close: "닫기",
  reading: "읽는 중",
  tryAgain: "다시 시도",
};

export const recordTexts: Translated<RecordTexts> = { en, ko };
