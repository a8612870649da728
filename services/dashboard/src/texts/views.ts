/** Texts of the saved views. */
import type { Translated } from "./language";

interface ViewsTexts {
  readonly views: string;
  readonly none: string;
  readonly name: string;
  readonly save: string;
  readonly replace: (name: string) => string;
  readonly full: string;
  readonly saved: string;
  readonly remove: (name: string) => string;
  readonly copyLink: string;
  readonly link: string;
  readonly copyLinkTo: (name: string) => string;
  readonly copied: string;
  readonly notCopied: string;
}

const en: ViewsTexts = {
  views: "Views",
  none: "No views saved in this browser yet.",
  name: "Name of this view",
  save: "Save",
  replace: (name) => `Replace ${name}`,
  full: "Could not save: there is no room. Remove a saved view, or save one with fewer filters.",
  saved: "Saved in this browser.",
  remove: (name) => `Remove ${name}`,
  copyLink: "Copy link to this view",
  link: "Copy link",
  copyLinkTo: (name) => `Copy link to ${name}`,
  copied: "Copied",
  notCopied: "Could not copy",
};

const ko: ViewsTexts = {
  views: "보기",
  none: "이 브라우저에 저장된 보기가 없습니다.",
  name: "현재 보기의 이름",
  save: "저장",
  replace: (name) => `${name} 바꾸기`,
  full: "공간이 부족해 저장하지 못했습니다. 저장된 보기를 하나 삭제하거나 필터가 더 적은 보기를 저장하세요.",
  saved: "이 브라우저에 저장했습니다.",
  remove: (name) => `${name} 삭제`,
  copyLink: "이 보기의 링크 복사",
  link: "링크 복사",
  copyLinkTo: (name) => `${name} 링크 복사`,
  copied: "복사했습니다",
  notCopied: "복사하지 못했습니다",
};

export const viewsTexts: Translated<ViewsTexts> = { en, ko };
