// Small dynamical systems in closed form or by a short integrator.
// Python twins: theory/saddle_node.py, theory/linear_flow.py, rule/population.py with run/reduced.py.

export function rungeKutta(velocity, state, step) {
  const along = (slope, share) => state.map((x, i) => x + share * step * slope[i]);
  const first = velocity(state);
  const second = velocity(along(first, 0.5));
  const third = velocity(along(second, 0.5));
  const fourth = velocity(along(third, 1));
  return state.map((x, i) => x + (step / 6) * (first[i] + 2 * second[i] + 2 * third[i] + fourth[i]));
}

// --- one mode: input and readout --------------------------------------------------------------------------------

export const modeVelocity = (target) => ([alpha, beta]) => {
  const error = target - alpha * beta;
  return [error * beta, error * alpha];
};

// The path of gradient flow: times, places and losses, to time 40 or until the gradient is gone.
export function modePath(target, start, step = 0.02, most = 40) {
  const velocity = modeVelocity(target);
  const path = { times: [0], places: [start], losses: [modeLoss(target, start)] };
  let state = start;
  for (let i = 1; i * step <= most + 1e-9; i += 1) {
    if (Math.hypot(...velocity(state)) < 1e-9) break;
    state = rungeKutta(velocity, state, step);
    path.times.push(i * step);
    path.places.push(state);
    path.losses.push(modeLoss(target, state));
  }
  return path;
}

export const modeLoss = (target, [alpha, beta]) => 0.5 * (target - alpha * beta) ** 2;

// Where the flow ends: α² − β² is conserved. Null on the line that leads into the saddle.
export function modeEnd(target, [alpha, beta]) {
  const side = Math.sign(alpha + Math.sign(target) * beta);
  if (side === 0 || target === 0) return null;
  const difference = alpha ** 2 - beta ** 2;
  const end = side * Math.sqrt(0.5 * (difference + Math.hypot(difference, 2 * target)));
  return [end, target / end];
}
