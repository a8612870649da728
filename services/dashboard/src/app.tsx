/** The page: header, filter, messages about the state, list. */
import { useSyncExternalStore } from "react";
import { Banners } from "./components/banners";
import { FilterBar } from "./components/filter-bar";
import { FirstLog } from "./components/first-log";
import { Header } from "./components/header";
import { LogList } from "./components/log-list";
import type { LiveView } from "./live-view";
import type { Theme } from "./theme";

export function App({ view, theme }: { view: LiveView; theme: Theme }) {
  const snapshot = useSyncExternalStore(view.subscribe, view.snapshot);
  return (
    <>
      <Header connection={snapshot.connection} theme={theme} />
      <main>
        <FilterBar view={view} snapshot={snapshot} />
        <Banners view={view} snapshot={snapshot} />
        {snapshot.nothingStored ? <FirstLog /> : <LogList view={view} snapshot={snapshot} />}
      </main>
    </>
  );
}
