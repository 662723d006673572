/* What the page calls: memory for a network, updates, an evaluation of all pairs. */
#include "engine.h"

Net net;
enum { MOST_UPDATES = 1024, PAGE = 65536, RESULTS = 4 };
extern unsigned char __heap_base;
static unsigned long top;

/* Zeroed memory for n things of a size, on a cache line. It is given back by the next ``set_up``, as a whole. */
static void *take(long n, long size) {
  unsigned long at = (top + 63) / 64 * 64;
  top = at + n * size;
  unsigned long pages = (top + PAGE - 1) / PAGE, have = __builtin_wasm_memory_size(0);
  if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == -1UL) __builtin_trap();
  unsigned char *memory = (unsigned char *)at;
  for (long i = 0; i < n * size; i++) memory[i] = 0;
  return memory;
}
static float *floats(long n) { return take(n, sizeof(float)); }
static int *ints(long n) { return take(n, sizeof(int)); }

static Matrices views(float *flat) {
  int p = net.p, D = net.D, M = net.M;
  int sizes[PARAMETERS] = {(p + 1) * D, 3 * D, D * D, D * D, D * D, D * D, D * M, M, M * D, D, D * p};
  float *at[PARAMETERS];
  for (int i = 0; i < PARAMETERS; i++) at[i] = flat, flat += sizes[i];
  return (Matrices){at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8], at[9], at[10]};
}

static void take_parameters(void) {
  int p = net.p, D = net.D, M = net.M;
  net.n_numbers = (p + 1 + 3 + p + 1) * D + 4 * D * D + 2 * D * M + M;
  int whole = (net.n_numbers + 3) / 4 * 4;
  net.weights = floats(whole), net.gradient = floats(whole);
  net.exp_avg = floats(whole), net.exp_avg_sq = floats(whole);
  net.w = views(net.weights), net.g = views(net.gradient);
}

static void take_tables(void) {
  int D = net.D, H = net.H, e = net.e, M = net.M, K = net.K, W = net.W, R = net.R, X = net.X;
  net.x = floats(X * D), net.W_in_U = floats(D * W), net.W_U = floats(D * K);
  net.values = floats(H * X * e), net.relative = floats(H * R * e), net.head = floats(H * e * W);
  net.query = floats(H * e), net.direction = floats(H * D);
  net.mix = floats(H * R * W), net.d_mix = floats(H * R * W);
  net.score = floats(R * H), net.d_score = floats(R * H), net.op_score = floats(H);
  net.base = floats(W), net.d_base = floats(W), net.op_row = floats(D);
  net.NL = floats(M * K), net.d_NL = floats(M * K);
  net.d_x = floats(X * D), net.d_values = floats(X * e), net.d_head = floats(H * e * W);
  net.d_W_U = floats(D * K), net.turned = floats(D * W + D);
}

static void take_tile(void) {
  int M = net.M, W = net.W;
  net.out = floats(TILE * W), net.d_out = floats(TILE * W), net.attention = floats(TILE * 2 * net.H);
  net.active = floats(TILE * M + 1), net.neuron = ints(TILE * M + 1), net.counts = ints(TILE * (M / GROUP + 2));
  net.of_neuron = floats(TILE * M), net.pair_of = ints(TILE * M), net.n_of = ints(M);
  int n = net.p * net.p;
  net.train = ints(n), net.all = ints(n), net.answers = ints(n);
  net.is_train = take(n, 1), net.correct = take(n, 1);
  net.losses = take(MOST_UPDATES, sizeof(double)), net.sums = take(RESULTS, sizeof(double));
}

/* Memory for a network; e is D / H. The caller then writes weights, pairs and answers to where ``where`` says. */
__attribute__((export_name("set_up"))) void set_up(int p, int D, int H, int M, int n_train) {
  top = (unsigned long)&__heap_base;
  net.p = p, net.D = D, net.H = H, net.e = D / H, net.M = M, net.n_train = n_train;
  int vectors = (p + 3) / 4;
  net.blocks = (vectors + MOST_VECTORS - 1) / MOST_VECTORS;
  net.block = (vectors + net.blocks - 1) / net.blocks;
  net.K = 4 * net.block * net.blocks, net.W = M + net.K, net.R = 2 * p, net.X = 2 * p + 1;
  net.beta1_t = net.beta2_t = 1;
  take_parameters();
  take_tables();
  take_tile();
}

/* Addresses, in this order: weights, gradient, exp_avg, exp_avg_sq, train, all, answers, is_train, correct,
   losses, sums. */
__attribute__((export_name("where"))) unsigned long where(int what) {
  void *all[] = {net.weights, net.gradient, net.exp_avg, net.exp_avg_sq, net.train, net.all,
                 net.answers, net.is_train, net.correct, net.losses, net.sums};
  return (unsigned long)all[what];
}

/* The train loss; the gradient is written. */
static double loss_and_gradient(void) {
  int H = net.H, R = net.R, W = net.W, n = net.n_train;
  build_tables();
  fill(net.d_mix, 0, H * R * W), fill(net.d_score, 0, R * H);
  fill(net.d_base, 0, W), fill(net.d_NL, 0, net.M * net.K);
  double loss = 0;
  for (int at = 0; at < n; at += TILE) {
    int size = n - at < TILE ? n - at : TILE;
    loss += forward_tile(net.train + at, size, 1.0 / n, 1);
    backward_tile(net.train + at, size);
  }
  backprop_tables();
  return loss;
}

/* AdamW (Loshchilov & Hutter 2019, algorithm 2) with betas 0.9 and 0.98 and epsilon 1e-8. */
static void adamw(double rate, double weight_decay) {
  const float b1 = 0.9f, b2 = 0.98f, eps = 1e-8f;
  net.beta1_t *= 0.9, net.beta2_t *= 0.98;
  float decay = (float)(rate * weight_decay), step = (float)(rate / (1 - net.beta1_t));
  float spread = (float)(1 / __builtin_sqrt(1 - net.beta2_t));
  for (int i = 0; i < net.n_numbers; i++) {
    float g = net.gradient[i];
    float m = b1 * net.exp_avg[i] + (1 - b1) * g, v = b2 * net.exp_avg_sq[i] + (1 - b2) * (g * g);
    net.exp_avg[i] = m, net.exp_avg_sq[i] = v;
    net.weights[i] = (net.weights[i] - decay * net.weights[i]) - step * (m / (__builtin_sqrtf(v) * spread + eps));
  }
}

/* n updates (at most 1024); ``losses`` receives the train loss before each. */
__attribute__((export_name("advance"))) void advance(int n, double rate, double weight_decay) {
  for (int i = 0; i < n; i++) {
    net.losses[i] = loss_and_gradient();
    adamw(rate, weight_decay);
  }
}

/* The gradient at the present weights, and the train loss. */
__attribute__((export_name("gradient"))) double gradient(void) { return loss_and_gradient(); }

/* How many updates lie behind the weights and moments that were written from outside. */
__attribute__((export_name("continue_from"))) void continue_from(int n_updates) {
  net.beta1_t = net.beta2_t = 1;
  for (int i = 0; i < n_updates; i++) net.beta1_t *= 0.9, net.beta2_t *= 0.98;
}

/* All pairs: ``correct``, and in ``sums`` the train and the test loss, the numbers of train and test pairs right. */
__attribute__((export_name("evaluate"))) void evaluate(void) {
  int n = net.p * net.p;
  double loss[2] = {0, 0};
  int right[2] = {0, 0};
  build_tables();
  for (int at = 0; at < n; at += TILE) {
    int size = n - at < TILE ? n - at : TILE;
    forward_tile(net.all + at, size, 1, 0);
    for (int i = 0; i < size; i++) {
      int pair = net.all[at + i], test = !net.is_train[pair];
      loss[test] += net.losses[i];
      right[test] += net.correct[pair];
    }
  }
  for (int test = 0; test < 2; test++) {
    net.sums[test] = loss[test] / (test ? n - net.n_train : net.n_train);
    net.sums[2 + test] = right[test];
  }
}
