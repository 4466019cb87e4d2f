// What a hostile page tries; put into the page by foreign-origin.test.ts. Calls each surface in every way that a page has, and
// resolves with what it got to see of each: null = nothing.
globalThis.attack = async ({ http, sockets }) => {
  const LATE_MS = 60_000;
  const findings = [];
  const attempt = async (surface, by, run) => {
    const late = new Promise((resolve) => setTimeout(resolve, LATE_MS, 'no end'));
    findings.push({ surface, by, seen: await Promise.race([run().catch(() => null), late]) });
  };
  const read = async (url, init) => {
    const answer = await fetch(url, init);
    if (answer.type === 'opaque') return null;
    return `${answer.status} ${(await answer.text()).slice(0, 200)}`;
  };

  for (const { what, url, method = 'GET', body, headers = {} } of http) {
    const init = body === undefined ? { method } : { method, body };
    const json = { 'content-type': 'application/json', ...headers };
    await attempt(what, 'fetch', () => read(url, { ...init, headers: json }));
    // No header that needs a preflight: the browser sends these without asking.
    await attempt(what, 'simple fetch', () => read(url, init));
    await attempt(what, 'fetch with cookies', () => read(url, { ...init, credentials: 'include' }));
    if (method !== 'PUT') await attempt(what, 'opaque fetch', () => read(url, { ...init, mode: 'no-cors' }));
    if (method === 'POST') {
      await attempt(what, 'form', () => submitted(url, body));
      await attempt(what, 'beacon', async () => {
        navigator.sendBeacon(url, body);
        return null;
      });
    }
    if (method === 'GET') {
      await attempt(what, 'EventSource', () => opened(url));
      for (const tag of ['img', 'script', 'iframe']) await attempt(what, tag, () => loaded(tag, url));
    }
  }
  for (const { what, url } of sockets) await attempt(what, 'WebSocket', () => connected(url));
  return findings;

  /** Whether an element loads, and so shows something of the address. */
  function loaded(tag, url) {
    return new Promise((resolve) => {
      const element = document.createElement(tag);
      element.onload = () => {
        if (tag !== 'iframe') return resolve(`${tag} loaded`);
        try {
          const { textContent } = element.contentDocument.body;
          resolve(textContent ? `frame read: ${textContent.slice(0, 200)}` : null);
        } catch {
          resolve(null);
        }
      };
      element.onerror = () => resolve(null);
      element.src = url;
      document.body.append(element);
    });
  }

  function submitted(url, body) {
    return new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.name = `frame-${Math.random()}`;
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action: url, enctype: 'text/plain', target: frame.name });
      // Sent as name=value, which makes JSON of it: {"key":"evil","form":"="}.
      const field = document.createElement('input');
      Object.assign(field, { name: `${body.slice(0, -1)},"form":"`, value: '"}' });
      form.append(field);
      document.body.append(frame, form);
      frame.onload = () => resolve(null);
      form.submit();
    });
  }

  function opened(url) {
    return new Promise((resolve) => {
      const source = new EventSource(url);
      const end = (seen) => {
        source.close();
        resolve(seen);
      };
      source.onopen = () => end('opened');
      source.onmessage = ({ data }) => end(String(data));
      source.onerror = () => end(null);
    });
  }

  function connected(url) {
    return new Promise((resolve) => {
      const peer = new WebSocket(url);
      peer.onopen = () => resolve('opened');
      peer.onmessage = ({ data }) => resolve(String(data));
      peer.onerror = () => resolve(null);
    });
  }
};
