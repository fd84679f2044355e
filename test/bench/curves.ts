const WIDTH = 300;
const HEIGHT = 110;
const MARGIN = 14;
const COLUMNS = 3;

/** Small curves beside each other, one for each figure but `studies`, which is the axis; as SVG. */
export function drawCurves(looks: readonly Readonly<Record<string, number>>[], title: string): string {
  const names = Object.keys(looks[0] ?? {}).filter((name) => name !== 'studies');
  const most = Math.max(1, ...looks.map(({ studies }) => studies ?? 0));
  const charts = names.map((name, index) => {
    const values = looks.map((look) => look[name] ?? 0);
    const top = Math.max(1, ...values) * 1.1;
    const points = looks.map(({ studies = 0 }, i) => {
      const x = MARGIN + (studies / most) * (WIDTH - 2 * MARGIN);
      const y = HEIGHT - MARGIN - (values[i]! / top) * (HEIGHT - 3 * MARGIN);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    });
    const at = `translate(${(index % COLUMNS) * WIDTH} ${20 + Math.floor(index / COLUMNS) * HEIGHT})`;
    return `<g transform="${at}"><text x="${MARGIN}" y="12">${name}: ${values[0]} to ${values.at(-1)}</text>
<path d="M${MARGIN} ${HEIGHT - MARGIN}H${WIDTH - MARGIN}" stroke="#999"/><polyline points="${points.join(' ')}" fill="none" stroke="#06c" stroke-width="1.5"/></g>`;
  });
  const height = 20 + Math.ceil(names.length / COLUMNS) * HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${COLUMNS * WIDTH} ${height}" font-family="sans-serif" font-size="11"><title>${title}</title>
<rect width="100%" height="100%" fill="#fff"/><text x="${MARGIN}" y="14" font-weight="bold">${title}; along each axis 0 to ${most} studies, each from 0</text>
${charts.join('\n')}
</svg>
`;
}
