// Looks for news every few seconds and exchanges what is inside <main>; stands still while somebody types or selects.
const script = document.querySelector('script[data-seconds]');
const seconds = Number(script?.dataset.seconds ?? 3);

async function look() {
  if (document.hidden || isBusy()) return;
  try {
    const answer = await fetch(location.href, { headers: { 'x-calcidisc-refresh': '1' } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = page.querySelector('main');
    const main = document.querySelector('main');
    if (fresh && main && fresh.innerHTML !== main.dataset.seen) {
      main.dataset.seen = fresh.innerHTML;
      main.innerHTML = fresh.innerHTML;
    }
    if (!page.querySelector('script[data-seconds]')) clearInterval(timer);
  } catch {
    // The agent is restarting: the next look will find it.
  }
}

function isBusy() {
  const typing = document.activeElement instanceof HTMLInputElement;
  const reading = document.querySelector('main details[open]') !== null;
  return typing || reading || String(getSelection()) !== '';
}

const first = document.querySelector('main');
if (first) first.dataset.seen = first.innerHTML;
const timer = setInterval(look, seconds * 1000);
