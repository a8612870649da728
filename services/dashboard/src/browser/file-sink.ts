/** Where an export goes: directly to a file the reader chose or, in browsers that cannot do that, to a download at the end. */
import type { Sink } from "../history/export";

export interface FileSink extends Sink {
  /** Completes the file. */
  finish(): Promise<void>;
  /** Leaves no file behind. */
  discard(): Promise<void>;
}

interface FileHandle {
  createWritable(): Promise<{
    write(bytes: BufferSource): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}

type Picker = (options: { suggestedName: string }) => Promise<FileHandle>;

/** Pieces are joined to blobs of this size, which the browser can move out of memory. */
const BLOB_BYTES = 8 * 1024 * 1024;

/** Null when the reader chose no file. */
export async function openSink(name: string, type: string): Promise<FileSink | null> {
  const pick = (window as unknown as { showSaveFilePicker?: Picker }).showSaveFilePicker;
  if (pick === undefined) return downloadSink(name, type);
  let file: FileHandle;
  try {
    file = await pick.call(window, { suggestedName: name });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    return downloadSink(name, type);
  }
  const writable = await file.createWritable();
  return {
    write: (bytes) => writable.write(bytes),
    finish: () => writable.close(),
    discard: () => writable.abort(),
  };
}

function downloadSink(name: string, type: string): FileSink {
  const blobs: Blob[] = [];
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const pack = () => {
    blobs.push(new Blob(pieces));
    pieces = [];
    bytes = 0;
  };
  return {
    write: async (piece) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= BLOB_BYTES) pack();
    },
    finish: async () => {
      pack();
      const address = URL.createObjectURL(new Blob(blobs, { type }));
      const link = document.createElement("a");
      link.href = address;
      link.download = name;
      link.click();
      // The browser has taken it by then.
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    },
    discard: async () => {
      blobs.length = 0;
      pieces = [];
    },
  };
}
