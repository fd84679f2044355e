// Keys of the worklist and of a case: j and k walk, / finds, o and n turn pages. Not while somebody types.
const links = () => [...document.querySelectorAll('table.worklist tbody th a')];

function walk(step) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  all[
    at === -1 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)
  ]?.focus();
}

const open = (rel) => document.querySelector(`nav.pages a[rel="${rel}"]`)?.click();
const inList = () => document.querySelector('table.worklist') !== null;

const KEYS = {
  j: () => (inList() ? walk(1) : open('next')),
  k: () => (inList() ? walk(-1) : open('prev')),
  o: () => open('next'),
  n: () => open('prev'),
  '/': () => document.querySelector('input[name=find], input[name=q]')?.focus(),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.activeElement?.matches('input, select, textarea')) return;
  // A reader study has keys of its own (reading.js): there n is an answer, and turns no page.
  if (document.querySelector('form.entry')) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
