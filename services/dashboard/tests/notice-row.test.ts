import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { NoticeRow } from "../src/components/list/notice-row";
import { ownGap } from "../src/live/framing";
import { gapReasonTexts } from "../src/texts/gap-reasons";

const preferences = vi.hoisted(() => ({ language: "en" as "en" | "ko" }));

vi.mock("../src/components/preferences/preferences-context", () => ({
  useChoices: () => ({ theme: "dark", language: preferences.language, zone: "utc" }),
  useTexts: (texts: { en: unknown; ko: unknown }) => texts[preferences.language],
}));

const REASONS_OF_THE_STREAM = [
  "past the window",
  "recent window away",
  "new epoch",
  "broker was away",
  "lost on the way",
  "unreadable batch",
  "unreadable id",
  "unknown place",
  "records without a place",
];
const UNKNOWN_RANGE = { from: null, to: null, since: null, until: null };

function shown(reason: string, language: "en" | "ko"): string {
  preferences.language = language;
  const notice = ownGap(UNKNOWN_RANGE, reason);
  return renderToStaticMarkup(createElement(NoticeRow, { notice, busy: false, fill: () => undefined }));
}

test("a gap is explained in the reader's language", () => {
  expect(shown("recent window away", "en")).toContain("(recent records could not be read)");
  expect(shown("recent window away", "ko")).toContain("(최근 레코드를 읽지 못함)");
  expect(shown("hidden", "ko")).toContain("(이 창이 한동안 숨겨져 있었음)");
});

test("every reason of the stream service has a text in each language", () => {
  for (const texts of Object.values(gapReasonTexts)) {
    expect(Object.keys(texts)).toEqual(["hidden", ...REASONS_OF_THE_STREAM]);
    expect(Object.values(texts).every((text) => text !== "")).toBe(true);
  }
});

test("a reason that the page does not know, or none, is not shown", () => {
  for (const reason of ["", "some new reason", "constructor"]) {
    expect(shown(reason, "en")).not.toContain("(");
    expect(shown(reason, "en")).not.toContain("some new reason");
  }
});
