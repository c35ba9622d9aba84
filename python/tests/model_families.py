"""Small classifiers of the families that public model zoos hold, written from their descriptions. Each is (name,
module, inputs as given to add_group, keyword arguments of the recorder, what the test expects of its head).

All take 8 x 8 images, or what is said beside them, and tell C classes."""

import math

import torch
import torch.nn.functional as F
from torch import nn

C = 5


class Residual(nn.Module):
    """ResNet: two convolutions beside an identity, batch norm, in-place ReLU; global average pooling and a linear
    layer."""

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(
                width, width, 3, padding=1
            )
            self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            y = self.norms[1](self.second(self.relu(self.norms[0](self.first(x)))))
            y += x
            return self.relu(y)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.layer1, self.layer2 = self.Block(8), self.Block(8)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, C)

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(self.stem(x)))), 1))


class Dense(nn.Module):
    """DenseNet: every layer sees what all before it made; functional ReLU and pooling before the linear layer."""

    def __init__(self):
        super().__init__()
        self.features = nn.ModuleList([nn.Conv2d(1 + 4 * i, 4, 3, padding=1) for i in range(3)])
        self.norm, self.classifier = nn.BatchNorm2d(13), nn.Linear(13, C)

    def forward(self, x):
        for layer in self.features:
            x = torch.cat([x, F.relu(layer(x))], 1)
        x = F.adaptive_avg_pool2d(F.relu(self.norm(x), inplace=True), 1)
        return self.classifier(torch.flatten(x, 1))


class Efficient(nn.Module):
    """EfficientNet: an inverted bottleneck with squeeze and excitation and SiLU; dropout before the linear layer."""

    def __init__(self):
        super().__init__()
        self.expand, self.depth = nn.Conv2d(1, 12, 1), nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.squeeze, self.excite, self.project = (
            nn.Conv2d(12, 4, 1),
            nn.Conv2d(4, 12, 1),
            nn.Conv2d(12, 10, 1),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.3, inplace=True), nn.Linear(10, C))

    def forward(self, x):
        x = F.silu(self.depth(F.silu(self.expand(x))))
        x = x * torch.sigmoid(self.excite(F.silu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return self.classifier(self.project(x).mean((2, 3)))


class Encoder(nn.Module):
    """One block of self-attention over tokens [n, t, width]."""

    def __init__(self, width):
        super().__init__()
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x, mask=None):
        y = self.norms[0](x)
        x = x + self.attend(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.norms[1](x))


class VisionTransformer(nn.Module):
    """ViT with a class token and a distillation token, each with a head; in evaluation their logits are averaged
    (DeiT)."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 4, 4)
        self.tokens, self.places = nn.Parameter(torch.randn(1, 2, 8)), nn.Parameter(torch.randn(1, 6, 8))
        self.block, self.norm = Encoder(8), nn.LayerNorm(8)
        self.head, self.head_dist = nn.Linear(8, C), nn.Linear(8, C)

    def forward(self, x):
        t = self.patches(x).flatten(2).transpose(1, 2)
        t = self.norm(self.block(torch.cat([self.tokens.expand(t.shape[0], -1, -1), t], 1) + self.places))
        a, b = self.head(t[:, 0]), self.head_dist(t[:, 1])
        return (a, b) if self.training else (a + b) / 2


class Mixer(nn.Module):
    """MLP-Mixer: layers across patches and across channels in turn; mean over patches."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 2, 2)
        self.across = nn.Sequential(nn.Linear(16, 12), nn.GELU(), nn.Linear(12, 16))
        self.within = nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8))
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, C)

    def forward(self, x):
        t = self.patches(x).flatten(2).transpose(1, 2)
        t = t + self.across(t.transpose(1, 2)).transpose(1, 2)
        return self.head(self.norm(t + self.within(t)).mean(1))


class Contrastive(nn.Module):
    """CLIP used as a classifier: cosines of a picture's vector to a vector a class, times a learnt scale; no linear
    head."""

    def __init__(self):
        super().__init__()
        self.visual = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 12))
        self.texts, self.logit_scale = nn.Parameter(torch.randn(C, 12)), nn.Parameter(
            torch.tensor(math.log(10.0))
        )

    def forward(self, x):
        v = self.visual(x)
        v = v / v.norm(dim=1, keepdim=True)
        return {
            "logits_per_image": self.logit_scale.exp() * v @ F.normalize(self.texts).t(),
            "image_embeds": v,
        }


class Bert(nn.Module):
    """BERT: token ids and a mask as keywords, a pooled first token, a ModelOutput with logits and hidden states."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(30, 8), nn.Embedding(6, 8)
        self.block, self.pooler, self.classifier = Encoder(8), nn.Linear(8, 8), nn.Linear(8, C)

    def forward(self, input_ids, attention_mask):
        t = self.words(input_ids) + self.places(torch.arange(input_ids.shape[1], device=input_ids.device))
        t = self.block(t * attention_mask.unsqueeze(-1).to(t.dtype))
        return {
            "loss": None,
            "logits": self.classifier(torch.tanh(self.pooler(t[:, 0]))),
            "hidden_states": (t,),
        }


class Gpt(nn.Module):
    """GPT for sequence classification: logits of every token, of which each sample's is that of its last one."""

    def __init__(self):
        super().__init__()
        self.words, self.block, self.score = (
            nn.Embedding(30, 8, padding_idx=0),
            Encoder(8),
            nn.Linear(8, C, bias=False),
        )

    def forward(self, input_ids):
        t = input_ids.shape[1]
        mask = torch.triu(torch.full((t, t), float("-inf"), device=input_ids.device), 1)
        logits = self.score(self.block(self.words(input_ids), mask))
        last = (input_ids != 0).long().sum(1) - 1
        return logits[torch.arange(input_ids.shape[0], device=input_ids.device), last]


class Recurrent(nn.Module):
    """A bidirectional LSTM over a series [n, t, c]; the last step."""

    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(8, 6, batch_first=True, bidirectional=True), nn.Linear(12, C)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


class TabTransformer(nn.Module):
    """Categorical codes embedded and attended, numbers normalised, both into a perceptron."""

    def __init__(self):
        super().__init__()
        self.embed, self.block, self.norm = nn.Embedding(7, 8), Encoder(8), nn.LayerNorm(5)
        self.mlp = nn.Sequential(nn.Linear(8 * 3 + 5, 16), nn.ReLU(), nn.Linear(16, C))

    def forward(self, codes, numbers):
        t = self.block(self.embed(codes)).flatten(1)
        return self.mlp(torch.cat([t, self.norm(numbers)], 1))


class WideAndDeep(nn.Module):
    """Logits of a linear layer on the inputs plus those of a deep one."""

    def __init__(self):
        super().__init__()
        self.flat, self.wide = nn.Flatten(), nn.Linear(64, C)
        self.deep = nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, C))

    def forward(self, x):
        x = self.flat(x)
        return self.wide(x) + self.deep(x)


class Siamese(nn.Module):
    """Two halves of a picture through one network; the head sees their difference and product, and scales its
    logits."""

    def __init__(self):
        super().__init__()
        self.tower = nn.Sequential(nn.Linear(32, 12), nn.ReLU(), nn.Linear(12, 8))
        self.fc, self.temperature = nn.Linear(16, C), nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        a, b = (self.tower(h) for h in x.flatten(1).split(32, 1))
        return self.fc(torch.cat([(a - b).abs(), a * b], 1)) / self.temperature


class Experts(nn.Module):
    """Mixture of experts: each expert has a head, a gate weighs their logits."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh())
        self.gate, self.experts = nn.Linear(16, 3), nn.ModuleList([nn.Linear(16, C) for _ in range(3)])

    def forward(self, x):
        h = self.trunk(x)
        weights = self.gate(h).softmax(1)
        return (torch.stack([e(h) for e in self.experts], 1) * weights.unsqueeze(-1)).sum(1)


class Squeeze(nn.Module):
    """SqueezeNet: the classes are the channels of a convolution of one pixel, pooled."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 12, 3, 2), nn.ReLU())
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(12, C, 1), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


class Masked(nn.Module):
    """Classes that cannot be are masked with -inf, and logarithms of probabilities come out."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU())
        self.out = nn.Linear(16, C)
        self.register_buffer("impossible", torch.tensor([False, False, False, False, True]))

    def forward(self, x):
        return F.log_softmax(self.out(self.body(x)).masked_fill(self.impossible, float("-inf")), 1)


def normed(kind):
    """A perceptron whose layers are weight- or spectral-normed."""
    return nn.Sequential(nn.Flatten(), kind(nn.Linear(64, 16)), nn.ReLU(), kind(nn.Linear(16, C)))


def quantisation_aware():
    """A perceptron prepared for quantisation-aware training: fake quantisation of weights and activations, which
    observes the ranges even in evaluation."""
    from torch.ao.quantization import get_default_qat_qconfig, prepare_qat

    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, C))
    model.qconfig = get_default_qat_qconfig("fbgemm")
    return prepare_qat(model.train())


def families(n=60):
    """[(name, module, group keywords, recorder keywords, kind of head: "linear" or "other")]."""
    g = torch.Generator().manual_seed(1)
    images = torch.rand(n, 1, 8, 8, generator=g)
    ids = torch.randint(1, 30, (n, 6), generator=g)
    lengths = torch.randint(2, 7, (n,), generator=g)
    mask = (torch.arange(6) < lengths[:, None]).long()
    ids = ids * mask
    texts = [f"text {i}" for i in range(n)]
    codes, numbers = torch.randint(0, 7, (n, 3), generator=g), torch.randn(n, 5, generator=g)
    pictures = dict(inputs=images)
    weight_norm = getattr(nn.utils.parametrizations, "weight_norm", nn.utils.weight_norm)
    return [
        ("resnet", Residual(), pictures, {}, "linear"),
        ("densenet", Dense(), pictures, {}, "linear"),
        ("efficientnet", Efficient(), pictures, {}, "linear"),
        ("vit-two-heads", VisionTransformer(), pictures, {}, "linear"),
        ("mlp-mixer", Mixer(), pictures, {}, "linear"),
        ("clip", Contrastive(), pictures, {}, "other"),
        (
            "bert",
            Bert(),
            dict(inputs=texts, model_inputs={"input_ids": ids, "attention_mask": mask}),
            {},
            "linear",
        ),
        ("gpt-last-token", Gpt(), dict(inputs=texts, model_inputs=ids), {}, "linear"),
        ("lstm", Recurrent(), dict(inputs=images[:, 0]), {}, "linear"),
        (
            "tab-transformer",
            TabTransformer(),
            dict(inputs=numbers, model_inputs={"codes": codes, "numbers": numbers}),
            {},
            "linear",
        ),
        ("wide-and-deep", WideAndDeep(), pictures, {}, "linear"),
        ("siamese", Siamese(), pictures, {}, "linear"),
        ("mixture-of-experts", Experts(), pictures, {}, "other"),
        ("squeezenet", Squeeze(), pictures, {}, "linear"),
        ("masked-log-softmax", Masked(), pictures, {}, "other"),
        ("weight-normed", normed(weight_norm), pictures, {}, "linear"),
        ("weight-normed-by-hooks", normed(nn.utils.weight_norm), pictures, {}, "linear"),
        ("spectral-normed", normed(nn.utils.spectral_norm), pictures, {}, "linear"),
        ("quantisation-aware", quantisation_aware(), pictures, {}, "other"),
    ]
