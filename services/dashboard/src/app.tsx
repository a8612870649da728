/** The page: header, filters, messages, metrics, list, and the dialogs above them. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Address } from "./browser/address";
import type { SavedViewList } from "./browser/saved-views";
import { listenForKeys } from "./browser/shortcuts";
import type { Site } from "./browser/site";
import { ContextDialog } from "./components/dialogs/context-dialog";
import { ExportDialog } from "./components/dialogs/export-dialog";
import { HelpSheet } from "./components/dialogs/help-sheet";
import { TraceDialog } from "./components/dialogs/trace-dialog";
import { FilterBar } from "./components/filters/filter-bar";
import { Header } from "./components/header/header";
import { FirstLog } from "./components/list/first-log";
import { LogList } from "./components/list/log-list";
import { Banners } from "./components/messages/banners";
import { MetricsPanel } from "./components/metrics/metrics-panel";
import type { RecordActions } from "./components/record/record-actions";
import type { LogView } from "./log-view/log-view";
import type { LiveMetrics } from "./metrics/live-metrics";
import type { Filter } from "./records/filter";
import type { LogRecord } from "./records/record";
import { traceIdOf, traceLinkOf } from "./records/trace";
import { searchOf, type View, viewOf } from "./records/view";

interface Properties {
  view: LogView;
  metrics: LiveMetrics;
  address: Address;
  savedViews: SavedViewList;
  site: Site;
}

export function App({ view, metrics, address, savedViews, site }: Properties) {
  const snapshot = useSyncExternalStore(view.subscribe, view.snapshot);
  const [open, setOpen] = useState<"export" | "help" | null>(null);
  const main = useRef<HTMLElement>(null);
  const current = snapshot.view;
  const [traced, setTraced] = useState<LogRecord | null>(null);
  const { change, actions } = useMemo(
    () => actionsOn(view, address, site.traceUrl, setTraced),
    [view, address, site.traceUrl],
  );
  const traceId = traced === null ? null : traceIdOf(traced);

  useEffect(() => {
    const focusText = () => main.current?.querySelector<HTMLInputElement>("input[type=search]")?.focus();
    const pause = () => view.setPaused(!view.snapshot().paused);
    return listenForKeys({
      "/": focusText,
      p: pause,
      " ": pause,
      "?": () => setOpen("help"),
      e: () => setOpen("export"),
    });
  }, [view]);

  return (
    <>
      <Header
        live={snapshot.live}
        savedViews={savedViews}
        search={searchOf({ ...current, record: "" })}
        open={(search) => change(viewOf(search))}
        onExport={() => setOpen("export")}
        onHelp={() => setOpen("help")}
      />
      <main ref={main}>
        <FilterBar snapshot={snapshot} change={change} />
        <Banners view={view} snapshot={snapshot} />
        {snapshot.nothingStored ? (
          <FirstLog gateway={site.gateway} />
        ) : (
          <>
            <MetricsPanel
              metrics={metrics}
              live={snapshot.live === "live"}
              filter={current.filter}
              range={current.range}
              onRange={(range) => change({ ...current, range })}
            />
            <LogList view={view} snapshot={snapshot} actions={actions} />
          </>
        )}
      </main>
      {current.record !== "" && (
        <ContextDialog
          sequence={current.record}
          actions={actions}
          onClose={() => change({ ...view.snapshot().view, record: "" })}
        />
      )}
      {traced !== null && traceId !== null && (
        <TraceDialog
          key={traced.sequence}
          record={traced}
          traceId={traceId}
          actions={actions}
          onClose={() => setTraced(null)}
        />
      )}
      {open === "export" && (
        <ExportDialog filter={current.filter} range={current.range} onClose={() => setOpen(null)} />
      )}
      {open === "help" && <HelpSheet onClose={() => setOpen(null)} />}
    </>
  );
}

interface Actions {
  readonly change: (view: View, typing?: boolean) => void;
  readonly actions: RecordActions;
}

/** A record's context and its trace are never open together: opening one closes the other, and so does a search. */
function actionsOn(
  view: LogView,
  address: Address,
  traceUrl: string,
  setTraced: (record: LogRecord | null) => void,
): Actions {
  const change = (next: View, typing = false) => {
    address.write(next, typing);
    view.setView(next);
  };
  const shown = () => view.snapshot().view;
  return {
    change,
    actions: {
      include: (by: (filter: Filter) => Filter) => {
        setTraced(null);
        change({ ...shown(), filter: by(shown().filter), record: "" });
      },
      search: (filter, range) => {
        setTraced(null);
        change({ filter, range, record: "" });
      },
      openContext: (sequence) => {
        setTraced(null);
        change({ ...shown(), record: sequence });
      },
      openTrace: (record) => {
        if (shown().record !== "") change({ ...shown(), record: "" });
        setTraced(record);
      },
      traceLinkOf: (traceId) => traceLinkOf(traceUrl, traceId),
      linkOf: (sequence) => address.linkOf({ ...shown(), record: sequence }),
    },
  };
}
