// Sends the requests of the forms and shows the responses as text, because they contain what anybody may have logged.

const SHOWN_CHARACTERS = 100_000;

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
}

/** The path and query string of the form's controls; empty ones are left out. */
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
    const response = await fetch(url);
    status.textContent = `${response.status} ${response.statusText} ${response.headers.get("Content-Type") ?? ""}`;
    body.textContent = await beginning(response);
  } catch (error) {
    status.textContent = `No response: ${error}`;
  } finally {
    button.disabled = false;
  }
}

/** The text of a response as far as it is shown, with JSON indented. The rest is not even received. */
async function beginning(response) {
  let text = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return indented(text, response.headers.get("Content-Type") ?? "");
    }
    text += value;
    if (text.length > SHOWN_CHARACTERS) {
      await reader.cancel();
      return `${text.slice(0, SHOWN_CHARACTERS)}\n… truncated`;
    }
  }
}

function indented(text, kind) {
  return /^application\/(problem\+)?json/.test(kind) ? JSON.stringify(JSON.parse(text), null, 2) : text;
}
