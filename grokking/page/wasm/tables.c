/* Weights into look-up tables, and the gradients of the tables into those of the weights. */
#include "engine.h"

static void embed(void) {
  const Matrices w = net.w;
  int p = net.p, D = net.D;
  for (int r = 0; r < net.X; r++) {
    int position = r < p ? 0 : r < net.R ? 1 : 2;
    const float *token = w.W_E + (r < net.R ? r % p : p) * D, *at = w.W_pos + position * D;
    for (int d = 0; d < D; d++) net.x[r * D + d] = token[d] + at[d];
  }
  for (int d = 0; d < D; d++) {
    copy(net.W_in_U + d * net.W, w.W_in + d * net.M, net.M);
    copy(net.W_in_U + d * net.W + net.M, w.W_U + d * p, p);
    copy(net.W_U + d * net.K, w.W_U + d * p, p);
  }
}

/* score[r, h] = x[r] W_K[h] · (x_o W_Q[h]) / √e, for the operation's row x_o. */
static void score_head(int h) {
  int D = net.D, e = net.e, R = net.R;
  const float *own = net.x + R * D, *W_Q = net.w.W_Q + h * D * e, *W_K = net.w.W_K + h * D * e;
  float *query = net.query + h * e, *direction = net.direction + h * D;
  float scale = 1 / __builtin_sqrtf((float)e);
  matmul(own, D, 1, W_Q, e, query, e, 1, D, e, 0);
  for (int i = 0; i < e; i++) query[i] *= scale;
  for (int d = 0; d < D; d++) direction[d] = dot(W_K + d * e, query, e);
  for (int r = 0; r < R; r++) net.score[r * net.H + h] = dot(net.x + r * D, direction, D);
  net.op_score[h] = dot(own, direction, D);
}

/* mix[h, r] = (x[r] - x_o) W_V[h] W_O[h] W_in_U. */
static void mix_head(int h) {
  int D = net.D, e = net.e, R = net.R, W = net.W;
  float *values = net.values + h * net.X * e, *relative = net.relative + h * R * e, *head = net.head + h * e * W;
  matmul(net.x, D, 1, net.w.W_V + h * D * e, e, values, e, net.X, D, e, 0);
  matmul(net.w.W_O + h * e * D, D, 1, net.W_in_U, W, head, W, e, D, W, 0);
  for (int r = 0; r < R; r++)
    for (int i = 0; i < e; i++) relative[r * e + i] = values[r * e + i] - values[R * e + i];
  matmul(relative, e, 1, head, W, net.mix + h * R * W, W, R, e, W, 0);
}

/* base = (x_o + Σ_h x_o W_V[h] W_O[h]) W_in_U + biases. */
static void build_base(void) {
  int D = net.D, e = net.e, W = net.W;
  copy(net.op_row, net.x + net.R * D, D);
  for (int h = 0; h < net.H; h++)
    matmul(net.values + (h * net.X + net.R) * e, e, 1, net.w.W_O + h * e * D, D, net.op_row, D, 1, e, D, 1);
  matmul(net.op_row, D, 1, net.W_in_U, W, net.base, W, 1, D, W, 0);
  add_to(net.base, net.w.b_in, net.M);
  matmul(net.w.b_out, D, 1, net.W_U, net.K, net.base + net.M, net.K, 1, D, net.K, 1);
}

void build_tables(void) {
  embed();
  for (int h = 0; h < net.H; h++) score_head(h), mix_head(h);
  build_base();
  matmul(net.w.W_out, net.D, 1, net.W_U, net.K, net.NL, net.K, net.M, net.D, net.K, 0);
}

/* The way back of ``mix_head``, and of the head's part in ``build_base``. */
static void mix_head_back(int h) {
  int D = net.D, e = net.e, R = net.R, W = net.W, X = net.X;
  const float *values = net.values + h * X * e, *head = net.head + h * e * W, *d_mix = net.d_mix + h * R * W;
  float *d_values = net.d_values, *d_op = d_values + R * e, *d_head = net.d_head + h * e * W;
  const float *headT = transposed(head, e, W, W, net.turned);
  matmul(net.d_base, W, 1, headT, e, d_op, e, 1, W, e, 0);
  matmul(d_mix, W, 1, headT, e, d_values, e, R, W, e, 0);
  for (int r = 0; r < R; r++)
    for (int i = 0; i < e; i++) d_op[i] -= d_values[r * e + i];
  matmul(values + R * e, 1, 1, net.d_base, W, d_head, W, e, 1, W, 0);
  matmul(net.relative + h * R * e, 1, e, d_mix, W, d_head, W, e, R, W, 1);
  matmul(d_head, W, 1, transposed(net.W_in_U, D, W, W, net.turned), D, net.g.W_O + h * e * D, D, e, W, D, 0);
  matmul(net.x, 1, D, d_values, e, net.g.W_V + h * D * e, e, D, X, e, 0);
  matmul(d_values, e, 1, transposed(net.w.W_V + h * D * e, D, e, e, net.turned), D, net.d_x, D, X, e, D, 1);
}

/* The way back of ``score_head``. Shifting all scores of a pair changes nothing, so the operation's row gets
   minus the sum of the others'. */
static void score_head_back(int h) {
  int D = net.D, e = net.e, R = net.R;
  const float *own = net.x + R * D, *W_Q = net.w.W_Q + h * D * e, *W_K = net.w.W_K + h * D * e;
  const float *query = net.query + h * e, *direction = net.direction + h * D;
  float *d_direction = net.turned, *d_query = d_direction + D, *d_x = net.d_x, d_own = 0;
  fill(d_direction, 0, D);
  for (int r = 0; r <= R; r++) {
    float d = r < R ? net.d_score[r * net.H + h] : d_own;
    d_own -= d;
    for (int i = 0; i < D; i++) d_direction[i] += d * net.x[r * D + i], d_x[r * D + i] += d * direction[i];
  }
  fill(d_query, 0, e);
  float scale = 1 / __builtin_sqrtf((float)e);
  for (int d = 0; d < D; d++)
    for (int i = 0; i < e; i++) {
      net.g.W_K[(h * D + d) * e + i] = d_direction[d] * query[i];
      d_query[i] += scale * d_direction[d] * W_K[d * e + i];
    }
  for (int d = 0; d < D; d++) {
    for (int i = 0; i < e; i++) net.g.W_Q[(h * D + d) * e + i] = own[d] * d_query[i];
    d_x[R * D + d] += dot(W_Q + d * e, d_query, e);
  }
}

/* Gradients of W_in and W_U from those of W_in_U; the biases' with them. */
static void readers_back(void) {
  int D = net.D, M = net.M, K = net.K, W = net.W, p = net.p;
  const float *direct = net.d_base + M;
  float *d_W_in_U = net.turned; /* [D, W] */
  matmul(net.w.W_O, 1, D, net.d_head, W, d_W_in_U, W, D, net.H * net.e, W, 0);
  matmul(net.x + net.R * D, 1, 1, net.d_base, W, d_W_in_U, W, D, 1, W, 1);
  matmul(net.w.W_out, 1, D, net.d_NL, K, net.d_W_U, K, D, M, K, 0);
  matmul(net.w.b_out, 1, 1, direct, K, net.d_W_U, K, D, 1, K, 1);
  for (int d = 0; d < D; d++) {
    copy(net.g.W_in + d * M, d_W_in_U + d * W, M);
    for (int c = 0; c < p; c++) net.g.W_U[d * p + c] = net.d_W_U[d * K + c] + d_W_in_U[d * W + M + c];
    net.g.b_out[d] = dot(direct, net.W_U + d * K, K);
  }
  copy(net.g.b_in, net.d_base, M);
}

static void embed_back(void) {
  int p = net.p, D = net.D;
  fill(net.g.W_E, 0, (p + 1) * D);
  fill(net.g.W_pos, 0, 3 * D);
  for (int r = 0; r < net.X; r++) {
    int position = r < p ? 0 : r < net.R ? 1 : 2;
    add_to(net.g.W_E + (r < net.R ? r % p : p) * D, net.d_x + r * D, D);
    add_to(net.g.W_pos + position * D, net.d_x + r * D, D);
  }
}

void backprop_tables(void) {
  int D = net.D, K = net.K, W = net.W;
  fill(net.d_x, 0, net.X * D);
  for (int d = 0; d < D; d++) net.d_x[net.R * D + d] = dot(net.d_base, net.W_in_U + d * W, W);
  for (int h = 0; h < net.H; h++) mix_head_back(h), score_head_back(h);
  matmul(net.d_NL, K, 1, transposed(net.W_U, D, K, K, net.turned), D, net.g.W_out, D, net.M, K, D, 0);
  readers_back();
  embed_back();
}
