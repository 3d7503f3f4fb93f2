// Weights of points on a plane: between neighbours, and inside a triangle.

/**
 * Weights of the nearest points: inverse distance that ends at the first point left out (Shepard's weights as Franke and
 * Little changed them, 1979), so that they are 1 at a point itself and change without a jump everywhere.
 * @param {{name: string, x: number, y: number}[]} points
 * @returns {Record<string, number>} that sum to 1
 */
export function neighbours(points, x, y, count = 4) {
  const near = points.map(point => [point.name, Math.hypot(point.x - x, point.y - y)]).sort((a, b) => a[1] - b[1]);
  if (!near.length) return {};
  if (near[0][1] < 0.004) return {[near[0][0]]: 1};
  const reach = near[count]?.[1] ?? near.at(-1)[1] * 1.5;
  return normal(near.slice(0, count).map(([name, far]) => [name, Math.max(0, (reach - far) / (reach * far)) ** 2]));
}

/** Weights that sum to 1, those below a hundredth left out. */
export function normal(pairs) {
  const sum = pairs.reduce((all, [, weight]) => all + weight, 0) || 1;
  const kept = pairs.map(([name, weight]) => [name, weight / sum]).filter(([, weight]) => weight >= 0.01);
  const rest = kept.reduce((all, [, weight]) => all + weight, 0) || 1;
  return Object.fromEntries(kept.map(([name, weight]) => [name, Math.round((weight / rest) * 1000) / 1000]));
}

/** Barycentric weights of a point in a triangle; one outside counts as the nearest inside. */
export function in_triangle(corners, x, y) {
  const [a, b, c] = corners;
  const area = (b.y - c.y) * (a.x - c.x) + (c.x - b.x) * (a.y - c.y);
  const u = ((b.y - c.y) * (x - c.x) + (c.x - b.x) * (y - c.y)) / area;
  const v = ((c.y - a.y) * (x - c.x) + (a.x - c.x) * (y - c.y)) / area;
  const inside = [u, v, 1 - u - v].map(each => Math.max(0, each));
  const sum = inside[0] + inside[1] + inside[2];
  return inside.map(each => each / sum);
}

/** Points of a plane, pushed apart until none is nearer to another than `gap`; the same for the same points. */
export function apart(points, gap, rounds = 60) {
  const moved = points.map(point => ({...point}));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < moved.length; i++)
      for (let j = 0; j < i; j++) {
        const [one, two] = [moved[i], moved[j]];
        let dx = one.x - two.x,
          dy = one.y - two.y;
        const far = Math.hypot(dx, dy);
        if (far >= gap) continue;
        if (far < 1e-6) [dx, dy] = [Math.cos(i), Math.sin(i)];
        const push = (gap - far) / 2 / (far < 1e-6 ? 1 : far);
        one.x += dx * push;
        one.y += dy * push;
        two.x -= dx * push;
        two.y -= dy * push;
      }
    for (const point of moved)
      for (const axis of ["x", "y"]) point[axis] = Math.min(1 - gap / 2, Math.max(gap / 2, point[axis]));
  }
  return moved;
}
