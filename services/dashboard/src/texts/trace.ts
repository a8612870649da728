/** Texts of a record's trace. */
import { digits, type Translated } from "./language";

interface TraceTexts {
  readonly wholeTrace: string;
  readonly tracingUi: string;
  readonly newTab: string;
  readonly traceOf: (traceId: string) => string;
  readonly span: string;
  readonly spanOf: (hours: number | null) => string;
  readonly showInList: string;
  readonly complete: (count: number, duration: string) => string;
  readonly none: string;
  readonly more: (count: number) => string;
  readonly searching: (time: string | null, found: number) => string;
  readonly stopped: (time: string | null, found: number) => string;
  readonly stop: string;
  readonly continueSearch: string;
  readonly searchAgain: string;
  readonly sincePrevious: string;
  readonly further: (count: number) => string;
}

const en: TraceTexts = {
  wholeTrace: "Whole trace",
  tracingUi: "Open in tracing UI",
  newTab: "Opens in a new tab",
  traceOf: (traceId) => `Trace ${traceId}`,
  span: "Search around the record",
  spanOf: (hours) => (hours === null ? "All time" : hours === 1 ? "± 1 hour" : `± ${hours} hours`),
  showInList: "Show in list",
  complete: (count, duration) =>
    count === 1 ? "1 record" : `${digits(count, "en")} records in ${duration}, oldest first`,
  none: "No stored records of this trace in this time.",
  more: (count) => `The first ${digits(count, "en")} records, oldest first. There are more: show them in the list.`,
  searching: (time, found) =>
    time === null ? "Loading…" : `Searched up to ${time}, ${digits(found, "en")} found, oldest first`,
  stopped: (time, found) =>
    time === null ? "Search stopped" : `Search stopped at ${time}, ${digits(found, "en")} found, oldest first`,
  stop: "Stop",
  continueSearch: "Continue search",
  searchAgain: "Search again",
  sincePrevious: "Time since the previous record",
  further: (count) => `and ${digits(count, "en")} more`,
};

const ko: TraceTexts = {
  wholeTrace: "전체 트레이스",
  tracingUi: "트레이싱 UI에서 열기",
  newTab: "새 탭에서 열립니다",
  traceOf: (traceId) => `트레이스 ${traceId}`,
  span: "레코드 전후 검색 범위",
  spanOf: (hours) => (hours === null ? "전체 시간" : `± ${hours}시간`),
  showInList: "목록에서 보기",
  complete: (count, duration) =>
    count === 1 ? "레코드 1개" : `레코드 ${digits(count, "ko")}개, 총 ${duration}, 오래된 순`,
  none: "이 시간 범위에 저장된 이 트레이스의 레코드가 없습니다.",
  more: (count) => `처음 레코드 ${digits(count, "ko")}개, 오래된 순. 더 있습니다. 목록에서 볼 수 있습니다.`,
  searching: (time, found) =>
    time === null ? "불러오는 중…" : `${time}까지 검색함, ${digits(found, "ko")}개 찾음, 오래된 순`,
  stopped: (time, found) =>
    time === null ? "검색 중지" : `${time}에서 검색 중지, ${digits(found, "ko")}개 찾음, 오래된 순`,
  stop: "중지",
  continueSearch: "계속 검색",
  searchAgain: "다시 검색",
  sincePrevious: "이전 레코드 이후 경과 시간",
  further: (count) => `외 ${digits(count, "ko")}개`,
};

export const traceTexts: Translated<TraceTexts> = { en, ko };
