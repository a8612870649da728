// Sends the requests of the forms and shows what comes back, as text: answers hold what anyone has logged.

const SHOWN_CHARACTERS = 100_000;

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
}

/** The path and query string that the form's controls say; empty ones are left out. */
function target(form) {
  let path = form.dataset.path;
  const query = [];
  for (const control of form.querySelectorAll("input, select")) {
    if ("path" in control.dataset) {
      path = path.replace(`{${control.name}}`, encodeURIComponent(control.value));
    } else if ("whole" in control.dataset) {
      query.push(...new URLSearchParams(control.value));
    } else if (control.value) {
      query.push([control.name, control.value]);
    }
  }
  return query.length ? `${path}?${new URLSearchParams(query)}` : path;
}

async function send(form) {
  const url = target(form);
  const [output, button] = [form.querySelector(".answer"), form.querySelector("button")];
  const [request, status, body] = ["request", "status", "body"].map((name) => form.querySelector(`[data-${name}]`));
  output.hidden = false;
  request.textContent = `curl '${location.origin}${url.replaceAll("'", "%27")}'`;
  status.textContent = "…";
  body.textContent = "";
  button.disabled = true;
  try {
    const answer = await fetch(url);
    status.textContent = `${answer.status} ${answer.statusText} ${answer.headers.get("Content-Type") ?? ""}`;
    body.textContent = await beginning(answer);
  } catch (error) {
    status.textContent = `No answer: ${error}`;
  } finally {
    button.disabled = false;
  }
}

/** The text of an answer as far as it is shown; JSON indented. The rest is not even received. */
async function beginning(answer) {
  let text = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return indented(text, answer.headers.get("Content-Type") ?? "");
    }
    text += value;
    if (text.length > SHOWN_CHARACTERS) {
      await reader.cancel();
      return `${text.slice(0, SHOWN_CHARACTERS)}\n… cut here`;
    }
  }
}

function indented(text, kind) {
  return /^application\/(problem\+)?json/.test(kind) ? JSON.stringify(JSON.parse(text), null, 2) : text;
}
