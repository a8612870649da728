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
  readonly goOn: (count: number) => string;
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
  readonly readingNewer: string;
  readonly lost: string;
  readonly crowded: string;
  readonly brokerDown: string;
  readonly recentDown: string;
  readonly unreadable: (parts: number) => string;
  readonly unreachable: string;
  readonly unreadableAnswer: string;
  readonly refused: (status: number) => string;
  readonly noAnswer: (address: string) => string;
  readonly expected: (name: string, value: string, expected: string) => string;
  readonly tryAgain: string;
  readonly tryNow: string;
  readonly dismiss: string;
  readonly gap: string;
  readonly gapReasons: Readonly<Record<string, string>>;
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
    connecting: "Connecting",
    live: "Live",
    lost: "Lost, retrying",
    crowded: "Waiting for another window",
    hidden: "Asleep",
    off: "Not live",
  },
  filters: "Filters",
  text: "Text",
  textPlaceholder: 'words -without "a phrase"',
  textHelp: 'All words must be in the message. -word leaves out; "quotes" make a phrase.',
  textProblems: {
    empty: (character) => `Character ${character}: these quotes hold nothing.`,
    many: (character) => `Character ${character}: no more than 20 words and phrases are taken.`,
    long: () => "No more than 1,000 characters are taken.",
    open: (character) => `Character ${character}: this quote is not closed; it reaches to the end.`,
  },
  textTerms: { include: (text) => `with ${text}`, exclude: (text) => `without ${text}` },
  attributes: "Attributes",
  removeFilter: (filter) => `Remove ${filter}`,
  clearFilters: "Clear filters",
  pause: "Pause",
  help: "Keyboard",
  exportRecords: "Export",
  records: "Log records",
  held: (count, all) =>
    `${digits(count, "en")} ${count === 1 ? "record" : "records"}${all ? "" : " loaded"}, newest first`,
  newRecords: (count) => `${digits(count, "en")} new: back to the top`,
  goOn: (count) => `Paused, ${digits(count, "en")} new: go on`,
  loadOlder: "Load older",
  reading: "Reading stored records",
  stop: "Stop",
  searching: (time, found) => `Searched back to ${time}, ${digits(found, "en")} found`,
  searchStopped: (time, found) => `Stopped at ${time}, ${digits(found, "en")} found`,
  continueSearch: "Search on",
  oldest: "These are the oldest stored records.",
  oldestMatching: "These are the oldest stored records that match.",
  oldestOfRange: "Nothing older in this range.",
  noneStored: "No stored record matches the filter.",
  waitingForRecords: "Waiting for records",
  readingNewer: "Reading newer records",
  lost: "The connection to the live stream is lost. New records appear as soon as it is back; this page keeps trying.",
  crowded:
    "Other windows of this browser use all its live connections. This one goes live as soon as one of them is closed or hidden.",
  brokerDown: "The stream service has lost the message broker: new records appear when it is back.",
  recentDown: "The window of recent records is out of reach: after a reconnect, some may have to be read from history.",
  unreadable: (parts) =>
    `${digits(parts, "en")} ${parts === 1 ? "part" : "parts"} of the stream could not be read. This page may be older than the server: reload it.`,
  unreachable: "The server can't be reached",
  unreadableAnswer: "The server's answer can't be read",
  refused: (status) => `The server could not answer (HTTP status ${status})`,
  noAnswer: (address) => `No answer from ${address}`,
  expected: (name, value, expected) => `${name}=${value}: expected ${expected}`,
  tryAgain: "Try again",
  tryNow: "Connect now",
  dismiss: "Dismiss",
  gap: "Gap: the live stream could not resume without a hole.",
  gapReasons: { hidden: "this window was hidden for a while" },
  dropped: (records, reason) => {
    const count =
      records === null ? "Records were" : records === 1 ? "1 record was" : `${digits(records, "en")} records were`;
    if (reason === "cost") {
      return `${count} not searched live, because this filter takes too much time. Those that match are in the history.`;
    }
    return reason === "rate"
      ? `${count} left out: more came than a live view is sent, so it shows a sample.`
      : `${count} left out, because ${records === 1 ? "it" : "they"} came faster than this page could take them.`;
  },
  fromTo: (from, to) =>
    from === null
      ? to === null
        ? "The time is not known."
        : `Up to ${to}`
      : to === null
        ? `From ${from}`
        : `From ${from} to ${to}`,
  loaded: (records) => `${digits(records, "en")} ${records === 1 ? "record" : "records"} loaded.`,
  filled: "Nothing is missing here any more.",
  fill: "Load this range",
  fillMore: "Load more of this range",
  loading: "Loading",
};

const ko: PageTexts = {
  title: "logstream",
  states: {
    connecting: "연결 중",
    live: "실시간",
    lost: "연결 끊김, 재시도 중",
    crowded: "다른 창을 기다리는 중",
    hidden: "대기",
    off: "실시간 아님",
  },
  filters: "필터",
  text: "텍스트",
  textPlaceholder: '단어 -제외 "구문"',
  textHelp: '모든 단어가 메시지에 있어야 합니다. -단어는 제외하고, "따옴표"는 구문을 찾습니다.',
  textProblems: {
    empty: (character) => `${character}번째 글자: 따옴표 안이 비어 있습니다.`,
    many: (character) => `${character}번째 글자: 단어와 구문은 20개까지 쓸 수 있습니다.`,
    long: () => "1,000자까지 쓸 수 있습니다.",
    open: (character) => `${character}번째 글자: 따옴표가 닫히지 않아 끝까지 이어집니다.`,
  },
  textTerms: { include: (text) => `${text} 포함`, exclude: (text) => `${text} 제외` },
  attributes: "속성",
  removeFilter: (filter) => `${filter} 필터 제거`,
  clearFilters: "필터 지우기",
  pause: "일시정지",
  help: "키보드",
  exportRecords: "내보내기",
  records: "로그 레코드",
  held: (count, all) => `레코드 ${digits(count, "ko")}개${all ? "" : " 불러옴"}, 최신순`,
  newRecords: (count) => `새 레코드 ${digits(count, "ko")}개: 맨 위로`,
  goOn: (count) => `일시정지됨, 새 레코드 ${digits(count, "ko")}개: 계속`,
  loadOlder: "이전 레코드 불러오기",
  reading: "저장된 레코드를 읽는 중",
  stop: "중지",
  searching: (time, found) => `${time}까지 검색, ${digits(found, "ko")}개 찾음`,
  searchStopped: (time, found) => `${time}에서 중지, ${digits(found, "ko")}개 찾음`,
  continueSearch: "계속 검색",
  oldest: "저장된 가장 오래된 레코드입니다.",
  oldestMatching: "필터에 맞는 가장 오래된 레코드입니다.",
  oldestOfRange: "이 범위에 더 오래된 레코드가 없습니다.",
  noneStored: "필터에 맞는 저장된 레코드가 없습니다.",
  waitingForRecords: "레코드를 기다리는 중",
  readingNewer: "더 새로운 레코드를 읽는 중",
  lost: "실시간 스트림 연결이 끊겼습니다. 연결되면 새 레코드가 바로 나타나며, 이 페이지는 계속 시도합니다.",
  crowded:
    "이 브라우저의 다른 창이 실시간 연결을 모두 쓰고 있습니다. 그중 하나가 닫히거나 숨겨지면 이 창도 실시간으로 바뀝니다.",
  brokerDown: "스트림 서비스가 메시지 브로커와 연결이 끊겼습니다. 복구되면 새 레코드가 나타납니다.",
  recentDown: "최근 레코드 저장소에 접근할 수 없습니다. 다시 연결된 뒤 일부는 기록에서 읽어야 할 수 있습니다.",
  unreadable: (parts) =>
    `스트림의 ${digits(parts, "ko")}개 부분을 읽지 못했습니다. 이 페이지가 서버보다 오래되었을 수 있으니 새로고침하세요.`,
  unreachable: "서버에 연결할 수 없습니다",
  unreadableAnswer: "서버의 응답을 읽을 수 없습니다",
  refused: (status) => `서버가 응답하지 못했습니다 (HTTP 상태 ${status})`,
  noAnswer: (address) => `${address}에서 응답이 없습니다`,
  expected: (name, value, expected) => `${name}=${value}: ${expected} 형식이어야 합니다`,
  tryAgain: "다시 시도",
  tryNow: "지금 연결",
  dismiss: "닫기",
  gap: "공백: 실시간 스트림이 빠짐없이 이어지지 못했습니다.",
  gapReasons: { hidden: "이 창이 한동안 숨겨져 있었습니다" },
  dropped: (records, reason) => {
    const count = records === null ? "일부 레코드가" : `레코드 ${digits(records, "ko")}개가`;
    if (reason === "cost")
      return `${records === null ? "일부 레코드를" : `레코드 ${digits(records, "ko")}개를`} 실시간으로 검색하지 못했습니다. 이 필터는 시간이 너무 많이 걸립니다. 일치하는 레코드는 기록에 있습니다.`;
    return reason === "rate"
      ? `${count} 생략되었습니다. 실시간 보기에 보내는 양보다 많아 표본만 보여 줍니다.`
      : `${count} 생략되었습니다. 이 페이지가 받을 수 있는 속도보다 빨리 도착했습니다.`;
  },
  fromTo: (from, to) =>
    from === null
      ? to === null
        ? "시각을 알 수 없습니다."
        : `${to}까지`
      : to === null
        ? `${from}부터`
        : `${from}부터 ${to}까지`,
  loaded: (records) => `레코드 ${digits(records, "ko")}개를 불러왔습니다.`,
  filled: "이제 여기에 빠진 것이 없습니다.",
  fill: "이 범위 불러오기",
  fillMore: "이 범위 더 불러오기",
  loading: "불러오는 중",
};

export const pageTexts: Translated<PageTexts> = { en, ko };
