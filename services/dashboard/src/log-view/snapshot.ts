/** Everything that the page shows of its list at one moment. */

import type { ServerError } from "../history/request";
import type { Progress } from "../history/search";
import type { ServerStatus } from "../live/framing";
import type { LiveState } from "../live/window-stream";
import type { Entries } from "../records/entries";
import type { View } from "../records/view";

export interface Snapshot {
  readonly view: View;
  readonly live: LiveState;
  readonly server: ServerStatus;
  readonly entries: Entries;
  /** Set by the reader; `held` is also true while they have scrolled away or have text selected. */
  readonly paused: boolean;
  readonly held: boolean;
  /** Records newer than the list, or waiting to be inserted. */
  readonly waiting: number;
  readonly progress: Progress;
  readonly error: ServerError | null;
  /** True when nothing was ever logged, as far as the page could find out. */
  readonly nothingStored: boolean;
  /** Messages of the stream that could not be read. */
  readonly unreadable: number;
  /** Changes when the list is replaced by another: then it starts at its top. */
  readonly generation: number;
}
