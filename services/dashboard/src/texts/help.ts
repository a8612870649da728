/** The keys, and how the text filter is written. */
import type { Translated } from "./language";

interface HelpTexts {
  readonly title: string;
  readonly keys: readonly { readonly keys: readonly string[]; readonly text: string }[];
  readonly language: string;
  readonly examples: readonly { readonly example: string; readonly text: string }[];
  readonly api: string;
}

const en: HelpTexts = {
  title: "Keyboard",
  keys: [
    { keys: ["/"], text: "Text filter" },
    { keys: ["p", "Space"], text: "Pause, go on" },
    { keys: ["j", "↓"], text: "Next record, older" },
    { keys: ["k", "↑"], text: "Previous record, newer" },
    { keys: ["Enter"], text: "Open or close the record" },
    { keys: ["c"], text: "Copy the record as text" },
    { keys: ["l"], text: "Copy a link to the record" },
    { keys: ["x"], text: "What was logged around the record" },
    { keys: ["g", "Home"], text: "Newest record, follow" },
    { keys: ["G", "End"], text: "Oldest record read so far" },
    { keys: ["e"], text: "Export" },
    { keys: ["Esc"], text: "Close what is open" },
    { keys: ["?"], text: "This sheet" },
  ],
  language: "Text filter",
  examples: [
    { example: "disk full", text: "both words, anywhere in the message, in any case" },
    { example: "disk -tmp", text: "with disk, without tmp" },
    { example: '"disk full"', text: "the phrase with its blank" },
    { example: '-"disk full"', text: "without the phrase" },
  ],
  api: "The same filters over REST",
};

const ko: HelpTexts = {
  title: "키보드",
  keys: [
    { keys: ["/"], text: "텍스트 필터" },
    { keys: ["p", "Space"], text: "일시정지, 계속" },
    { keys: ["j", "↓"], text: "다음(더 오래된) 레코드" },
    { keys: ["k", "↑"], text: "이전(더 새로운) 레코드" },
    { keys: ["Enter"], text: "레코드 열기/닫기" },
    { keys: ["c"], text: "레코드를 텍스트로 복사" },
    { keys: ["l"], text: "레코드 링크 복사" },
    { keys: ["x"], text: "레코드 전후 보기" },
    { keys: ["g", "Home"], text: "최신 레코드로, 따라가기" },
    { keys: ["G", "End"], text: "읽은 것 중 가장 오래된 레코드" },
    { keys: ["e"], text: "내보내기" },
    { keys: ["Esc"], text: "열린 것 닫기" },
    { keys: ["?"], text: "이 도움말" },
  ],
  language: "텍스트 필터",
  examples: [
    { example: "disk full", text: "대소문자 구분 없이 두 단어가 모두 메시지에 있음" },
    { example: "disk -tmp", text: "disk는 있고 tmp는 없음" },
    { example: '"disk full"', text: "공백을 포함한 구문" },
    { example: '-"disk full"', text: "이 구문이 없음" },
  ],
  api: "같은 필터를 REST로",
};

export const helpTexts: Translated<HelpTexts> = { en, ko };
