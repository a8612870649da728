/** Texts of the help: keyboard shortcuts and the syntax of the text filter. */
import type { Translated } from "./language";

interface HelpTexts {
  readonly title: string;
  readonly keys: readonly { readonly keys: readonly string[]; readonly text: string }[];
  readonly language: string;
  readonly examples: readonly { readonly example: string; readonly text: string }[];
  readonly api: string;
}

const en: HelpTexts = {
  title: "Keyboard shortcuts",
  keys: [
    { keys: ["/"], text: "Go to the text filter" },
    { keys: ["p", "Space"], text: "Pause or resume" },
    { keys: ["j", "↓"], text: "Next (older) record" },
    { keys: ["k", "↑"], text: "Previous (newer) record" },
    { keys: ["Enter"], text: "Open or close the record" },
    { keys: ["c"], text: "Copy the record as text" },
    { keys: ["l"], text: "Copy a link to the record" },
    { keys: ["x"], text: "Show the context of the record" },
    { keys: ["g", "Home"], text: "Go to the newest record and follow new ones" },
    { keys: ["G", "End"], text: "Go to the oldest loaded record" },
    { keys: ["e"], text: "Export" },
    { keys: ["Esc"], text: "Close dialogs and open records" },
    { keys: ["?"], text: "Show this help" },
  ],
  language: "Text filter",
  examples: [
    { example: "disk full", text: "both words, anywhere in the message, in any mix of upper and lower case" },
    { example: "disk -tmp", text: "disk, but not tmp" },
    { example: '"disk full"', text: "the phrase, including the space" },
    { example: '-"disk full"', text: "without the phrase" },
  ],
  api: "Use the same filters with the REST API",
};

const ko: HelpTexts = {
  title: "키보드 단축키",
  keys: [
    { keys: ["/"], text: "텍스트 필터로 이동" },
    { keys: ["p", "Space"], text: "일시정지 또는 재개" },
    { keys: ["j", "↓"], text: "다음(더 오래된) 레코드" },
    { keys: ["k", "↑"], text: "이전(더 최근) 레코드" },
    { keys: ["Enter"], text: "레코드 열기 또는 닫기" },
    { keys: ["c"], text: "레코드를 텍스트로 복사" },
    { keys: ["l"], text: "레코드 링크 복사" },
    { keys: ["x"], text: "레코드 전후 보기" },
    { keys: ["g", "Home"], text: "최신 레코드로 이동하고 따라가기" },
    { keys: ["G", "End"], text: "불러온 가장 오래된 레코드로 이동" },
    { keys: ["e"], text: "내보내기" },
    { keys: ["Esc"], text: "열린 창과 레코드 닫기" },
    { keys: ["?"], text: "이 도움말 보기" },
  ],
  language: "텍스트 필터",
  examples: [
    { example: "disk full", text: "메시지에 두 단어가 모두 있음 (대소문자 구분 없음)" },
    { example: "disk -tmp", text: "disk가 있고 tmp가 없음" },
    { example: '"disk full"', text: "공백을 포함한 구문이 있음" },
    { example: '-"disk full"', text: "구문이 없음" },
  ],
  api: "REST API에서 같은 필터 사용하기",
};

export const helpTexts: Translated<HelpTexts> = { en, ko };
