/** Texts of the export. */
import { digits, type Translated } from "./language";

interface ExportTexts {
  readonly title: string;
  readonly what: string;
  readonly format: string;
  readonly order: string;
  readonly newest: string;
  readonly oldest: string;
  readonly most: string;
  readonly mostHint: string;
  readonly start: string;
  readonly stop: string;
  readonly goOn: string;
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
  what: "Exports the records that the current filter and time range mean. The last line of NDJSON says whether they are all.",
  format: "Format",
  order: "Order",
  newest: "newest first",
  oldest: "oldest first",
  most: "Records at most",
  mostHint: "as many as the server gives at once",
  start: "Export",
  stop: "Stop",
  goOn: "Export the next part",
  progress: (records, matching, megabytes) =>
    `${digits(records, "en")}${matching === null ? "" : ` of ${digits(matching, "en")}`} records, ${megabytes} MB`,
  complete: (records) => `Complete: ${digits(records, "en")} ${records === 1 ? "record" : "records"}.`,
  more: (records) => `${digits(records, "en")} ${records === 1 ? "record" : "records"} exported; there are more.`,
  perhapsMore: (records) =>
    `${digits(records, "en")} ${records === 1 ? "record" : "records"} exported; there may be more.`,
  stopped: "Stopped; no file was kept.",
  broken: "The answer broke off. What came so far was not kept, because it is not the whole.",
  notWritten: "The file could not be written.",
};

const ko: ExportTexts = {
  title: "내보내기",
  what: "현재 필터와 시간 범위에 해당하는 레코드를 내보냅니다. NDJSON의 마지막 줄은 전부인지 알려 줍니다.",
  format: "형식",
  order: "순서",
  newest: "최신순",
  oldest: "오래된순",
  most: "최대 레코드 수",
  mostHint: "서버가 한 번에 주는 만큼",
  start: "내보내기",
  stop: "중지",
  goOn: "다음 부분 내보내기",
  progress: (records, matching, megabytes) =>
    `레코드 ${digits(records, "ko")}개${matching === null ? "" : ` / ${digits(matching, "ko")}개`}, ${megabytes} MB`,
  complete: (records) => `완료: 레코드 ${digits(records, "ko")}개.`,
  more: (records) => `레코드 ${digits(records, "ko")}개를 내보냈습니다. 더 있습니다.`,
  perhapsMore: (records) => `레코드 ${digits(records, "ko")}개를 내보냈습니다. 더 있을 수 있습니다.`,
  stopped: "중지했습니다. 파일은 저장되지 않았습니다.",
  broken: "응답이 중간에 끊겼습니다. 전체가 아니므로 저장하지 않았습니다.",
  notWritten: "파일을 쓸 수 없습니다.",
};

export const exportTexts: Translated<ExportTexts> = { en, ko };
