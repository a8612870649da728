import { expect, test } from "vitest";
import { titleOf } from "../src/components/notice-row";
import { readEvent } from "../src/live/framing";

function titleOfDropped(records: number, reason: string): string {
  const event = readEvent("dropped", JSON.stringify({ records, reason, from: null, to: null }));
  if (event?.kind !== "notice") throw new Error("no notice");
  return titleOf(event.notice);
}

test("who is sent a sample is not told to be slow", () => {
  expect(titleOfDropped(1_234, "rate")).toBe(
    "1,234 records were left out: more came than a live view is sent, so it shows a sample.",
  );
});

test("who is slow is told so", () => {
  expect(titleOfDropped(1, "slow")).toBe(
    "1 record was left out, because it came faster than this page could take them.",
  );
});
