/** Texts of the export. */
import { digits, type Translated } from "./language";

interface ExportTexts {
  readonly title: string;
  readonly what: string;
  readonly format: string;
  readonly order: string;
  readonly newest: string;
  readonly oldest: string;
  readonly max: string;
  readonly maxHint: string;
  readonly start: string;
  readonly stop: string;
  readonly exportNext: string;
  readonly progress: (records: number, matching: number | null, megabytes: string) => string;
  readonly complete: (records: number) => string;
  readonly more: (records: number) => string;
  readonly perhapsMore: (records: number) => string;
  readonly stopped: string;
  readonly broken: string;
  readonly notWritten: string;
}

const en: ExportTexts = {
  title: "Export",
  what: "Exports the records that match the current filters and time range. The last line of an NDJSON file says whether the export is complete.",
  format: "Format",
  order: "Order",
  newest: "Newest first",
  oldest: "Oldest first",
  max: "Maximum records",
  maxHint: "Server limit",
  start: "Export",
  stop: "Stop",
  exportNext: "Export the next part",
  progress: (records, matching, megabytes) =>
    `${digits(records, "en")}${matching === null ? "" : ` of ${digits(matching, "en")}`} records, ${megabytes} MB`,
  complete: (records) => `Export complete: ${digits(records, "en")} ${records === 1 ? "record" : "records"}.`,
  more: (records) => `${digits(records, "en")} ${records === 1 ? "record" : "records"} exported. There are more.`,
  perhapsMore: (records) =>
    `${digits(records, "en")} ${records === 1 ? "record" : "records"} exported. There may be more.`,
  stopped: "Export stopped. No file was saved.",
  broken: "The export was interrupted. The incomplete file was not saved.",
  notWritten: "The file could not be saved.",
};

const ko: ExportTexts = {
  title: "내보내기",
  what: "현재 필터와 시간 범위에 맞는 레코드를 내보냅니다. 내보내기가 완료되었는지는 NDJSON 파일의 마지막 줄에 표시됩니다.",
  format: "형식",
  order: "순서",
  newest: "최신순",
  oldest: "오래된순",
  max: "최대 레코드 수",
  maxHint: "서버 한도까지",
  start: "내보내기",
  stop: "중지",
  exportNext: "다음 부분 내보내기",
  progress: (records, matching, megabytes) =>
    `레코드 ${matching === null ? "" : `${digits(matching, "ko")}개 중 `}${digits(records, "ko")}개, ${megabytes} MB`,
  complete: (records) => `내보내기 완료: 레코드 ${digits(records, "ko")}개`,
  more: (records) => `레코드 ${digits(records, "ko")}개를 내보냈습니다. 더 있습니다.`,
  perhapsMore: (records) => `레코드 ${digits(records, "ko")}개를 내보냈습니다. 더 있을 수 있습니다.`,
  stopped: "내보내기를 중지했습니다. 파일은 저장되지 않았습니다.",
  broken: "내보내기가 중단되었습니다. 불완전한 파일은 저장하지 않았습니다.",
  notWritten: "파일을 저장할 수 없습니다.",
};

export const exportTexts: Translated<ExportTexts> = { en, ko };
