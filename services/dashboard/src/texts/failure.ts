/** Texts of a page that has failed. It shows both languages: what failed may be what chooses between them. */
import type { Translated } from "./language";

interface FailureTexts {
  readonly failed: string;
  readonly reload: string;
}

export const failureTexts: Translated<FailureTexts> = {
  en: { failed: "This page has stopped working. Your logs are not affected.", reload: "Reload" },
  ko: { failed: "페이지에 오류가 발생했습니다. 로그에는 영향이 없습니다.", reload: "새로고침" },
};
