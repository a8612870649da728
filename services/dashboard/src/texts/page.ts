/** Texts of the page's frame: header, filter bar, list, banners, notices. */
import type { TextProblem } from "../records/query-text";
import { digits, type Translated } from "./language";

interface PageTexts {
  readonly title: string;
  readonly states: Readonly<Record<"connecting" | "live" | "lost" | "crowded" | "hidden" | "off", string>>;
  readonly filters: string;
  readonly text: string;
  readonly textPlaceholder: string;
  readonly textHelp: string;
  readonly textProblems: Readonly<Record<TextProblem, (character: number) => string>>;
  readonly textTerms: { readonly include: (text: string) => string; readonly exclude: (text: string) => string };
  readonly attributes: string;
  readonly removeFilter: (filter: string) => string;
  readonly clearFilters: string;
  readonly pause: string;
  readonly help: string;
  readonly exportRecords: string;
  readonly records: string;
  readonly held: (count: number, all: boolean) => string;
  readonly newRecords: (count: number) => string;
  readonly resume: (count: number) => string;
  readonly loadOlder: string;
  readonly reading: string;
  readonly stop: string;
  readonly searching: (time: string, found: number) => string;
  readonly searchStopped: (time: string, found: number) => string;
  readonly continueSearch: string;
  readonly oldest: string;
  readonly oldestMatching: string;
  readonly oldestOfRange: string;
  readonly noneStored: string;
  readonly waitingForRecords: string;
  readonly lost: string;
  readonly crowded: string;
  readonly brokerDown: string;
  readonly recentDown: string;
  readonly unreadable: (messages: number) => string;
  readonly unreachable: string;
  readonly unreadableAnswer: string;
  readonly refused: (status: number) => string;
  readonly noAnswer: (address: string) => string;
  readonly expected: (name: string, value: string, expected: string) => string;
  readonly tryAgain: string;
  readonly tryNow: string;
  readonly dismiss: string;
  readonly gap: string;
  readonly dropped: (records: number | null, reason: string) => string;
  readonly fromTo: (from: string | null, to: string | null) => string;
  readonly loaded: (records: number) => string;
  readonly filled: string;
  readonly fill: string;
  readonly fillMore: string;
  readonly loading: string;
}

const en: PageTexts = {
  title: "logstream",
  states: {
    connecting: "Connecting…",
    live: "Live",
    lost: "Disconnected, retrying…",
    crowded: "Too many live windows",
    hidden: "In the background",
    off: "Not live",
  },
  filters: "Filters",
  text: "Text",
  textPlaceholder: 'words -exclude "a phrase"',
  textHelp: 'Finds messages that contain all of the words. Use -word to exclude a word and "quotes" to find a phrase.',
  textProblems: {
    empty: (character) => `Character ${character}: there is nothing between these quotes.`,
    many: (character) => `Character ${character}: a filter can have up to 20 words and phrases.`,
    long: () => "A filter can have up to 1,000 characters.",
    open: (character) => `Character ${character}: this quote is not closed, so the phrase runs to the end.`,
  },
  textTerms: { include: (text) => `with ${text}`, exclude: (text) => `without ${text}` },
  attributes: "Attributes",
  removeFilter: (filter) => `Remove the filter “${filter}”`,
  clearFilters: "Clear filters",
  pause: "Pause",
  help: "Keyboard shortcuts",
  exportRecords: "Export",
  records: "Log records",
  held: (count, all) =>
    `${digits(count, "en")} ${count === 1 ? "record" : "records"}${all ? "" : " loaded"}, newest first`,
  newRecords: (count) => `Back to top (${digits(count, "en")} new)`,
  resume: (count) => `Resume (${digits(count, "en")} new)`,
  loadOlder: "Load older records",
  reading: "Loading stored records…",
  stop: "Stop",
  searching: (time, found) => `Searched back to ${time}, ${digits(found, "en")} found`,
  searchStopped: (time, found) => `Search stopped at ${time}, ${digits(found, "en")} found`,
  continueSearch: "Continue search",
  oldest: "These are the oldest stored records.",
  oldestMatching: "These are the oldest matching records.",
  oldestOfRange: "There are no older records in this range.",
  noneStored: "No stored record matches the filters.",
  waitingForRecords: "Waiting for records…",
  lost: "The connection to the live stream was lost. The page keeps trying to reconnect. New records will appear once the connection is restored.",
  crowded:
    "Other windows of this browser use all live connections. This window goes live when one of them is closed or hidden.",
  brokerDown:
    "The stream service has lost its connection to the message broker. New records will appear once the connection is restored.",
  recentDown:
    "Recent records are temporarily unavailable. If this page reconnects, you may have to load some records from history.",
  unreadable: (messages) =>
    `${digits(messages, "en")} ${messages === 1 ? "message" : "messages"} of the live stream could not be read. This page may be out of date; reload it.`,
  unreachable: "Cannot reach the server",
  unreadableAnswer: "Cannot read the server's response",
  refused: (status) => `The request failed (HTTP status ${status})`,
  noAnswer: (address) => `No valid response from ${address}`,
  expected: (name, value, expected) => `${name}=${value}: expected ${expected}`,
  tryAgain: "Try again",
  tryNow: "Reconnect now",
  dismiss: "Dismiss",
  gap: "Gap: some records may be missing here.",
  dropped: (records, reason) => {
    const count =
      records === null ? "Records were" : records === 1 ? "1 record was" : `${digits(records, "en")} records were`;
    if (reason === "cost") {
      return `${count} not checked against this filter because it takes too long to apply. Any that match can be found in the history.`;
    }
    return reason === "rate"
      ? `${count} left out. Records are arriving too fast for the live view, so it shows a sample.`
      : `${count} left out because ${records === 1 ? "it" : "they"} arrived faster than this page could show them.`;
  },
  fromTo: (from, to) =>
    from === null
      ? to === null
        ? "The time range is unknown."
        : `Until ${to}`
      : to === null
        ? `Since ${from}`
        : `From ${from} to ${to}`,
  loaded: (records) => `${digits(records, "en")} ${records === 1 ? "record" : "records"} loaded.`,
  filled: "All records in this range are now loaded.",
  fill: "Load this range",
  fillMore: "Load more of this range",
  loading: "Loading…",
};

const ko: PageTexts = {
  title: "logstream",
  states: {
    connecting: "연결 중…",
    live: "실시간",
    lost: "연결 끊김, 재시도 중…",
    crowded: "실시간 창이 너무 많음",
    hidden: "백그라운드",
    off: "실시간 아님",
  },
  filters: "필터",
  text: "텍스트",
  textPlaceholder: '단어 -제외 "구문"',
  textHelp: '모든 단어가 들어 있는 메시지를 찾습니다. -단어는 제외하고 "따옴표"는 구문을 찾습니다.',
  textProblems: {
    empty: (character) => `${character}번째 글자: 따옴표 안이 비어 있습니다.`,
    many: (character) => `${character}번째 글자: 단어와 구문은 20개까지 쓸 수 있습니다.`,
    long: () => "1,000자까지 쓸 수 있습니다.",
    open: (character) => `${character}번째 글자: 따옴표가 닫히지 않아 끝까지 구문으로 처리됩니다.`,
  },
  textTerms: { include: (text) => `${text} 포함`, exclude: (text) => `${text} 제외` },
  attributes: "속성",
  removeFilter: (filter) => `“${filter}” 필터 제거`,
  clearFilters: "필터 초기화",
  pause: "일시정지",
  help: "키보드 단축키",
  exportRecords: "내보내기",
  records: "로그 레코드",
  held: (count, all) => `레코드 ${digits(count, "ko")}개${all ? "" : " 불러옴"}, 최신순`,
  newRecords: (count) => `맨 위로 (새 레코드 ${digits(count, "ko")}개)`,
  resume: (count) => `재개 (새 레코드 ${digits(count, "ko")}개)`,
  loadOlder: "이전 레코드 불러오기",
  reading: "저장된 레코드를 불러오는 중…",
  stop: "중지",
  searching: (time, found) => `${time}까지 검색함, ${digits(found, "ko")}개 찾음`,
  searchStopped: (time, found) => `${time}에서 검색 중지, ${digits(found, "ko")}개 찾음`,
  continueSearch: "계속 검색",
  oldest: "저장된 가장 오래된 레코드입니다.",
  oldestMatching: "필터에 맞는 가장 오래된 레코드입니다.",
  oldestOfRange: "이 범위에는 더 오래된 레코드가 없습니다.",
  noneStored: "저장된 레코드 중 필터에 맞는 것이 없습니다.",
  waitingForRecords: "레코드를 기다리는 중…",
  lost: "실시간 스트림 연결이 끊겼습니다. 계속 다시 연결을 시도하고 있으며, 연결되면 새 레코드가 표시됩니다.",
  crowded:
    "이 브라우저의 다른 창이 실시간 연결을 모두 사용하고 있습니다. 그중 하나를 닫거나 숨기면 이 창이 실시간으로 전환됩니다.",
  brokerDown: "스트림 서비스와 메시지 브로커의 연결이 끊겼습니다. 복구되면 새 레코드가 표시됩니다.",
  recentDown:
    "최근 레코드를 일시적으로 사용할 수 없습니다. 이 페이지가 다시 연결되면 일부 레코드를 기록에서 불러와야 할 수 있습니다.",
  unreadable: (messages) =>
    `실시간 스트림의 메시지 ${digits(messages, "ko")}개를 읽지 못했습니다. 페이지가 최신 버전이 아닐 수 있으니 새로고침하세요.`,
  unreachable: "서버에 연결할 수 없습니다",
  unreadableAnswer: "서버의 응답을 읽을 수 없습니다",
  refused: (status) => `요청이 실패했습니다 (HTTP 상태 ${status})`,
  noAnswer: (address) => `${address}에서 올바른 응답이 없습니다`,
  expected: (name, value, expected) => `${name}=${value}: 올바르지 않은 값입니다 (필요한 값: ${expected})`,
  tryAgain: "다시 시도",
  tryNow: "지금 다시 연결",
  dismiss: "닫기",
  gap: "공백: 여기에 일부 레코드가 빠졌을 수 있습니다.",
  dropped: (records, reason) => {
    const count = records === null ? "일부 레코드" : `레코드 ${digits(records, "ko")}개`;
    if (reason === "cost") {
      return `필터 처리에 시간이 너무 오래 걸려 ${count}를 실시간으로 확인하지 못했습니다. 일치하는 레코드는 기록에서 찾을 수 있습니다.`;
    }
    return reason === "rate"
      ? `${count}가 생략되었습니다. 실시간 보기의 전송 한도보다 빨리 도착해 일부만 표시합니다.`
      : `${count}가 생략되었습니다. 이 페이지가 표시할 수 있는 속도보다 빨리 도착했습니다.`;
  },
  fromTo: (from, to) =>
    from === null
      ? to === null
        ? "시간 범위를 알 수 없습니다."
        : `${to}까지`
      : to === null
        ? `${from}부터`
        : `${from}부터 ${to}까지`,
  loaded: (records) => `레코드 ${digits(records, "ko")}개를 불러왔습니다.`,
  filled: "이 범위의 레코드를 모두 불러왔습니다.",
  fill: "이 범위 불러오기",
  fillMore: "이 범위 더 불러오기",
  loading: "불러오는 중…",
};

export const pageTexts: Translated<PageTexts> = { en, ko };
