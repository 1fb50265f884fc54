// @ts-check
/** Runs in the background: shows what is pushed to this browser, and opens the Space of a notice that is clicked. */

/** @typedef {{id: string, tag: string, title: string, body: string, path: string}} Message */
/**
 * What there is in a worker; the type checker has the types of pages.
 *
 * @typedef {Event & {waitUntil: (done: Promise<unknown>) => void}} Lasting
 * @typedef {{url: string, focus: () => Promise<unknown>}} Tab
 * @typedef {{
 *   registration: ServiceWorkerRegistration,
 *   clients: {matchAll: (wanted: object) => Promise<Tab[]>, openWindow: (path: string) => Promise<unknown>},
 *   addEventListener: (name: string, call: (event: any) => void) => void,
 *   skipWaiting: () => Promise<void>,
 * }} Background
 */

const background = /** @type {Background} */ (/** @type {unknown} */ (self));
const SPACE = /^\/spaces\/[0-9a-z]{1,40}$/;

background.addEventListener("install", () => { background.skipWaiting(); });

background.addEventListener("push", (/** @type {Lasting & {data: {json: () => Message} | null}} */ event) => {
  if (event.data) event.waitUntil(show(event.data.json()));
});

background.addEventListener("notificationclick", (/** @type {Lasting & {notification: Notification}} */ event) => {
  event.notification.close();
  event.waitUntil(openSpace(event.notification.data.path));
});

/** @param {Message} message */
async function show({ id, tag, title, body, path }) {
  const before = await background.registration.getNotifications({ tag });
  // What was sent twice takes its own place without a sound.
  const news = before.some((one) => one.data.id !== id);
  const options = { body, tag, renotify: news, icon: "/static/icon.svg", data: { id, path } };
  await background.registration.showNotification(title, options);
}

/** @param {string} path */
async function openSpace(path) {
  if (!SPACE.test(path)) return;
  const tabs = await background.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = tabs.find(({ url }) => new URL(url).pathname === path);
  await (there ? there.focus() : background.clients.openWindow(path));
}
