// Keys of a reader study: y and n choose, 1 to 5 say how sure, Enter answers, arrows go back and on.
const form = document.querySelector('form.entry');

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !form) return;
  const chosen = form.querySelector(`input[data-key="${CSS.escape(event.key)}"]`);
  const rel = { ArrowLeft: 'prev', ArrowRight: 'next' }[event.key];
  if (!chosen && !rel && event.key !== 'Enter') return;
  if (event.key === 'Enter' && document.activeElement?.matches('a, button')) return;
  event.preventDefault();
  if (chosen) chosen.checked = true;
  else if (rel) form.querySelector(`nav.pages a[rel="${rel}"]`)?.click();
  else form.requestSubmit();
});
