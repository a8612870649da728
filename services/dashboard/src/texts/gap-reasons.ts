/** Texts of the reasons of gaps. A reason without a text is not shown: it is a value for programs. */
import type { Translated } from "./language";

/** hidden: this page's own reason (log-view/hidden-gap). The others are the stream service's, as `gap` events name them. */
export type GapReason =
  | "hidden"
  | "past the window"
  | "recent window away"
  | "new epoch"
  | "broker was away"
  | "lost on the way"
  | "unreadable batch"
  | "unreadable id"
  | "unknown place"
  | "records without a place";

type GapReasonTexts = Readonly<Record<GapReason, string>>;

const en: GapReasonTexts = {
  hidden: "this window was hidden for a while",
  "past the window": "too many records arrived in the meantime",
  "recent window away": "recent records could not be read",
  "new epoch": "the live order of records was restarted",
  "broker was away": "the connection to the message broker was lost",
  "lost on the way": "records were lost on the way between servers",
  "unreadable batch": "a batch of records could not be read",
  "unreadable id": "the last position of this page could not be read",
  "unknown place": "the last position of this page is unknown",
  "records without a place": "some records were sent without a live position",
};

const ko: GapReasonTexts = {
  hidden: "이 창이 한동안 숨겨져 있었음",
  "past the window": "그사이 레코드가 너무 많이 도착함",
  "recent window away": "최근 레코드를 읽지 못함",
  "new epoch": "실시간 레코드의 순서가 새로 시작됨",
  "broker was away": "메시지 브로커와의 연결이 끊겼음",
  "lost on the way": "레코드가 서버 사이에서 유실됨",
  "unreadable batch": "레코드 묶음을 읽지 못함",
  "unreadable id": "이 페이지의 마지막 위치를 읽지 못함",
  "unknown place": "이 페이지의 마지막 위치를 알 수 없음",
  "records without a place": "일부 레코드가 실시간 위치 없이 전송됨",
};

export const gapReasonTexts: Translated<GapReasonTexts> = { en, ko };

/** Null for a reason that has no text. */
export function gapReasonText(texts: GapReasonTexts, reason: string): string | null {
  return Object.hasOwn(texts, reason) ? texts[reason as GapReason] : null;
}
