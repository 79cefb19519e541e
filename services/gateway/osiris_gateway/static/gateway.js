// What the page says to the gateway, and the key it says it with.
import { by } from "./dom.js";

const KEY = "osiris-key";

export const headers = () => {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
};

/** POST a JSON body; the answer, or an Error that says what the problem body says. */
export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers() },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) askForKey(answer.detail);
  throw Object.assign(new Error(answer.detail ?? `the gateway answered ${response.status}`), {
    status: response.status,
    fields: answer.errors ?? [],
  });
}

let whenSet = () => {};

/** @param {() => void} again called when the user gave another key. */
export function onKey(again) {
  whenSet = again;
  by("key").addEventListener("click", () => askForKey());
  const dialog = by("key-dialog");
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    const key = by("key-input").value.trim();
    by("key-input").value = "";
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
    whenSet();
  });
  by("key").hidden = !sessionStorage.getItem(KEY);
}

/** Ask for the key, once at a time. */
export function askForKey(why) {
  const dialog = by("key-dialog");
  by("key").hidden = false;
  if (dialog.open) return;
  if (why) by("key-text").textContent = `${why}. It stays in this tab, and goes with every request as a header.`;
  dialog.returnValue = "";
  dialog.showModal();
}
