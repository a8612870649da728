import { expect, test, vi } from "vitest";
import { readSite } from "../src/browser/site";

function says(body: string, status = 200) {
  return vi.fn<typeof fetch>(async () => new Response(body, { status }));
}

test.each([
  ['{"gateway": ""}', 200, "logs.example:4317"],
  ['{"gateway": ":24001"}', 200, "logs.example:24001"],
  ['{"gateway": "gateway.example:443"}', 200, "gateway.example:443"],
  ['{"gateway": 7}', 200, "logs.example:4317"],
  ["null", 200, "logs.example:4317"],
  ["<!doctype html>", 200, "logs.example:4317"],
  ['{"gateway": ":24001"}', 404, "logs.example:4317"],
])("the site says %s with %i: services send to the gateway at %s", async (body, status, address) => {
  const ask = says(body, status);
  expect((await readSite("logs.example", ask)).gateway).toBe(address);
  expect(ask).toHaveBeenCalledExactlyOnceWith("/site.json");
});

test("without an answer it is the usual port", async () => {
  const ask = vi.fn<typeof fetch>().mockRejectedValue(new TypeError("network"));
  expect(await readSite("logs.example", ask)).toEqual({ gateway: "logs.example:4317", traceUrl: "" });
});

test.each([
  ['{"gateway": "", "trace_url": "https://traces.example/{trace_id}"}', "https://traces.example/{trace_id}"],
  ['{"gateway": ""}', ""],
  ['{"trace_url": 7}', ""],
])("the site says %s: traces are shown at '%s'", async (body, traceUrl) => {
  expect((await readSite("logs.example", says(body))).traceUrl).toBe(traceUrl);
});
