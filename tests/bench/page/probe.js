// Runs in the page before its own scripts and writes down how responsive it is. It must not touch what the page shows.
(() => {
  const EVERY_MS = 100;
  const probe = {
    painted_ms: null, // from the start of the navigation until records were on the screen
    tasks: [], // of more than 50 ms: [start, duration]
    lateness: [], // of a timer: [when it was due, how late it came]
    lags: [], // of the newest record on the screen: [when looked at, its age]
    frames: null, // while they are watched: [time, whether a row was in the middle of the list]
  };
  window.pageProbe = probe;

  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) probe.tasks.push([entry.startTime, entry.duration]);
  }).observe({ type: "longtask", buffered: true });

  const awaitRecords = new MutationObserver(() => {
    if (document.querySelector("[data-sequence]") === null) return;
    awaitRecords.disconnect();
    // The frame with them is on its way to the screen when the task after it begins.
    requestAnimationFrame(() => setTimeout(() => (probe.painted_ms = performance.now()), 0));
  });
  awaitRecords.observe(document, { childList: true, subtree: true });

  let due = performance.now() + EVERY_MS;
  const tick = () => {
    const now = performance.now();
    probe.lateness.push([due, now - due]);
    const newest = document.querySelector("[data-index='0'] time") ?? document.querySelector("[data-sequence] time");
    if (newest !== null) probe.lags.push([now, Date.now() - Date.parse(newest.dateTime)]);
    due = Math.max(due + EVERY_MS, now);
    setTimeout(tick, Math.max(0, due - performance.now()));
  };
  setTimeout(tick, EVERY_MS);

  probe.watchFrames = () => {
    const { left, top, width, height } = document.querySelector(".scroller").getBoundingClientRect();
    const middle = [left + width / 2, top + height / 2];
    probe.frames = [];
    const onFrame = (at) => {
      if (probe.frames === null) return;
      const filled = document.elementFromPoint(...middle)?.closest("[data-index]") != null;
      probe.frames.push([at, Number(filled)]);
      requestAnimationFrame(onFrame);
    };
    requestAnimationFrame(onFrame);
  };
  probe.takeFrames = () => {
    const taken = probe.frames;
    probe.frames = null;
    return taken;
  };
})();
