/** The link to the trace in the tracing UI, if this installation has one. */
import { traceTexts } from "../../texts/trace";
import { useTexts } from "../preferences/preferences-context";
import type { RecordActions } from "./record-actions";

export function TraceLink({ traceId, actions }: { traceId: string; actions: RecordActions }) {
  const texts = useTexts(traceTexts);
  const address = actions.traceLinkOf(traceId);
  if (address === null) return null;
  return (
    <a className="trace-link" href={address} target="_blank" rel="noopener noreferrer" title={texts.newTab}>
      {texts.tracingUi} <span aria-hidden="true">↗</span>
    </a>
  );
}
