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

// --- the ghost of a saddle-node: x' = x² + r, trained through r to escape at time T ----------------------------------

export const ghostOptimum = (T) => Math.PI ** 2 / (4 * T ** 2);

export const ghostCriticalRate = (T) => (3 * Math.PI ** 4) / (32 * T ** 5);

export function ghostLoss(r, T) {
  return r < ghostOptimum(T) / 4 ? T : Math.abs(T - Math.PI / (2 * Math.sqrt(r)));
}

// At the kink itself the left branch counts.
export function ghostSlope(r, T) {
  const best = ghostOptimum(T);
  if (r < best / 4) return 0;
  return (r > best ? 1 : -1) * (Math.PI / (4 * r ** 1.5));
}

export function ghostDescent(start, rate, T, updates) {
  const path = [start];
  for (let u = 0, r = start; u < updates; u += 1) {
    r -= rate * ghostSlope(r, T);
    path.push(r);
  }
  return path;
}

// x(t) from x(0) = 0; infinite from the escape on.
export function ghostState(r, t) {
  const root = Math.sqrt(Math.abs(r));
  if (r > 0) return root * t < Math.PI / 2 ? root * Math.tan(root * t) : Infinity;
  return r === 0 ? 0 : -root * Math.tanh(root * t);
}

// --- the linear network that learns a constant output without initial connectivity, by the nuclear norm ν ------------

export function rankState(nu) {
  const [t, q] = [Math.tanh(nu), 1 / Math.cosh(nu)];
  // Written so that no digits are lost where ν is small.
  const [diagonal, lower] = [2 * Math.sinh(nu / 2) ** 2 * q, nu - t];
  const largest = nu / 2 + Math.hypot(t - nu / 2, diagonal);
  return {
    output: t / (1 - nu * t),
    singular: [largest, nu === 0 ? 0 : (t * lower - diagonal ** 2) / largest],
    entries: [diagonal, t, lower, diagonal],
    slowness: (1 - nu * t) ** 4,
  };
}

// The nuclear norm at an output z, by Newton's method.
export function rankNuclear(z) {
  let nu = z / (1 + 0.8335 * z);
  for (let i = 0; i < 12; i += 1) {
    const [t, q2] = [Math.tanh(nu), 1 / Math.cosh(nu) ** 2];
    nu -= (t - z * (1 - nu * t)) / (q2 + z * (t + nu * q2));
  }
  return nu;
}

const GAUSS = [[-0.9061798459386640, 0.2369268850561891], [-0.5384693101056831, 0.4786286704993665], [0, 0.5688888888888889], [0.5384693101056831, 0.4786286704993665], [0.9061798459386640, 0.2369268850561891]];

// The flow to a target until the output is 0.999 of it. The error falls e-fold in a time (1 - ν tanh ν)⁴.
export function rankFlow(target, count = 200) {
  const step = Math.log(1000) / count;
  const at = (folds) => rankNuclear(target * (1 - Math.exp(-folds)));
  const flow = { times: [0], nuclear: [0], states: [rankState(0)] };
  for (let i = 0, time = 0; i < count; i += 1) {
    for (const [place, weight] of GAUSS) time += 0.5 * step * weight * rankState(at(step * (i + 0.5 + 0.5 * place))).slowness;
    const nu = at(step * (i + 1));
    flow.times.push(time);
    flow.nuclear.push(nu);
    flow.states.push(rankState(nu));
  }
  return flow;
}

// --- learning rules on one aligned mode: readout a, input b, recurrent weight w --------------------------------------

export function ruleVelocity(rule, { kappa, goal, decay, feedback }) {
  return ([a, b, w]) => {
    const [S, Q, E] = [1 / (1 - w * w), 1 / (1 - w * goal), 1 / (1 - decay * w)];
    const end = b * (a * b * S - kappa * Q);
    if (rule === "bptt") return [-end, -a * (a * b * S - kappa * Q), -a * b * (a * b * w * S * S - kappa * goal * Q * Q)];
    if (rule === "tbptt") return [-end, -a * (a * b - kappa), -a * b * (a * b * w * S - kappa * goal * Q)];
    const held = 1 / (1 - decay * goal);
    return [-end, -feedback * (a * b * E - kappa * held), -feedback * b * (a * b * w * S * E - kappa * goal * Q * held)];
  };
}

export function ruleLoss({ kappa, goal }, [a, b, w]) {
  const product = a * b;
  return 0.5 * (product ** 2 / (1 - w * w) - (2 * product * kappa) / (1 - w * goal) + kappa ** 2 / (1 - goal * goal));
}

export function ruleInvariant(rule, { decay, feedback }, [a, b, w]) {
  if (rule === "bptt") return a * a - b * b;
  if (rule === "tbptt") return a * a - b * b - w * w;
  return 2 * feedback * a - b * b - (w - decay) ** 2;
}

// Trace and determinant of RFLO at the point a = s of the optimal curve: stable if and only if both are positive.
export function rfloSlopes({ kappa, goal, decay, feedback }, s) {
  const [b, S, D] = [kappa / s, 1 / (1 - goal * goal), 1 / (1 - decay * goal)];
  const determinant = feedback * s * b * b * (b * b + feedback * s) * S * S * D * D;
  return [b * b * S + feedback * s * D * (1 + b * b * S * S * D * (1 - decay * goal ** 3)), determinant];
}

const TABLEAU = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

// Adaptive Dormand-Prince steps until `end`, or until stop(state) says so. `finished` tells which.
export function integrated(velocity, start, { end = 100, rtol = 1e-6, atol = 1e-9, most = 5000, stop = () => false } = {}) {
  const path = { times: [0], states: [start], finished: true };
  let [time, state, step] = [0, start, 1e-3];
  for (let i = 0; time < end && i < most; i += 1) {
    const slopes = [];
    for (const row of TABLEAU) slopes.push(velocity(row.reduce((x, weight, j) => x.map((v, k) => v + step * weight * slopes[j][k]), state)));
    const next = TABLEAU[6].reduce((x, weight, j) => x.map((v, k) => v + step * weight * slopes[j][k]), state);
    const parts = next.map((v, k) => (step * ERROR.reduce((sum, weight, j) => sum + weight * slopes[j][k], 0)) / (atol + rtol * Math.max(Math.abs(v), Math.abs(state[k]))));
    const error = Math.sqrt(parts.reduce((sum, x) => sum + x * x, 0) / parts.length);
    if (error <= 1) {
      [time, state] = [time + step, next];
      path.times.push(time);
      path.states.push(state);
      if (stop(state)) return { ...path, finished: false };
    }
    const factor = error > 0 ? 0.9 * error ** -0.2 : 5;
    step = Math.min(end - time || step, step * Math.min(5, Math.max(0.2, Number.isFinite(factor) ? factor : 0.2)));
  }
  return path;
}
