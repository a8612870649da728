/** Texts of a record and of its context. */
import { digits, type Translated } from "./language";

interface RecordTexts {
  readonly attributes: string;
  readonly time: string;
  readonly level: string;
  readonly node: string;
  readonly sequence: string;
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
  level: "Level",
  node: "Node",
  sequence: "Sequence",
  detailsOf: (sequence) => `Record ${sequence}`,
  laidOut: "Format JSON",
  only: "Only",
  atLeast: "At least",
  without: "Exclude",
  onlyLabel: (what) => `Only records with ${what}`,
  withoutLabel: (what) => `Exclude records with ${what}`,
  notFilterable:
    "Cannot filter by a value that is empty, contains a comma or an asterisk, or begins or ends with a space",
  copyText: "Copy text",
  copyJson: "Copy JSON",
  copyLink: "Copy link",
  copied: "Copied",
  notCopied: "Could not copy",
  context: "Context",
  contextOf: (sequence) => `Context of record ${sequence}`,
  sameNode: "Same node",
  allNodes: "All nodes",
  scope: "Records from",
  newer: "Load newer",
  older: "Load older",
  noNewer: (scope) => (scope === "node" ? "No newer records from this node." : "No newer records."),
  noOlder: (scope) => (scope === "node" ? "No older records from this node." : "No older records."),
  shown: (count) => `${digits(count, "en")} ${count === 1 ? "record" : "records"}, newest first`,
  notStored: "Record not found. It may have been deleted.",
  close: "Close",
  reading: "Loading…",
  tryAgain: "Try again",
};

const ko: RecordTexts = {
  attributes: "속성",
  time: "시각",
  level: "레벨",
  node: "노드",
  sequence: "시퀀스",
  detailsOf: (sequence) => `레코드 ${sequence}`,
  laidOut: "JSON 서식",
  only: "이 값만",
  atLeast: "이 레벨 이상",
  without: "제외",
  onlyLabel: (what) => `${what}: 이 값만 보기`,
  withoutLabel: (what) => `${what} 제외`,
  notFilterable: "비어 있거나 쉼표, 별표, 앞뒤 공백이 있는 값으로는 필터링할 수 없습니다",
  copyText: "텍스트 복사",
  copyJson: "JSON 복사",
  copyLink: "링크 복사",
  copied: "복사했습니다",
  notCopied: "복사하지 못했습니다",
  context: "전후 보기",
  contextOf: (sequence) => `레코드 ${sequence} 전후`,
  sameNode: "같은 노드",
  allNodes: "모든 노드",
  scope: "레코드 범위",
  newer: "더 최근 레코드 불러오기",
  older: "더 오래된 레코드 불러오기",
  noNewer: (scope) => (scope === "node" ? "이 노드에는 더 최근 레코드가 없습니다." : "더 최근 레코드가 없습니다."),
  noOlder: (scope) => (scope === "node" ? "이 노드에는 더 오래된 레코드가 없습니다." : "더 오래된 레코드가 없습니다."),
  shown: (count) => `레코드 ${digits(count, "ko")}개, 최신순`,
  notStored: "레코드를 찾을 수 없습니다. 삭제되었을 수 있습니다.",
  close: "닫기",
  reading: "불러오는 중…",
  tryAgain: "다시 시도",
};

export const recordTexts: Translated<RecordTexts> = { en, ko };
