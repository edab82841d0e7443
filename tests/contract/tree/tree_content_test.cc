#include <iterator>

#include "tests/contract/tree/tree_contract.h"

namespace holdfast::initiator {
namespace {

class TreeContent : public TreeContract {};

TEST_P(TreeContent, ANewTreeIsEmpty) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      EXPECT_GT(tree.free_bytes(), 32 * MiB);
      EXPECT_GE(tree.concurrency(), 1U);
      co_return;
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      EXPECT_TRUE(entries.empty()) << "has " << entries.begin()->first;
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

constexpr std::size_t sizes[] = {0, 1, 4095, 4096, 4097, 12288, 100'000, 1'048'576, 5'000'001};

TEST_P(TreeContent, FilesOfEverySizeComeBackByteForByte) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      for (const std::size_t size : sizes) {
        Attributes attributes = attributes_of(S_IFREG | 0640);
        attributes.bytes = size;
        const std::string name = std::to_string(size);
        const Bytes content = noise(size, size);
        co_await put_file(tree, tree.root(), name, attributes, content);
      }
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      EXPECT_EQ(entries.size(), std::size(sizes));
      for (const auto& [name, entry] : entries) {
        const std::size_t size = std::stoul(name);
        EXPECT_EQ(entry.mode, static_cast<std::uint32_t>(S_IFREG));
        Attributes expected = attributes_of(S_IFREG | 0640);
        expected.bytes = size;
        const Attributes got = co_await attributes_at(tree, entry.node);
        expect_same(tree, got, expected, name);
        const Bytes content = co_await content_of(tree, entry.node, 0, size + 10'000);
        EXPECT_TRUE(content == noise(size, size)) << name;
        const Bytes beyond = co_await content_of(tree, entry.node, round_up(size, 4096), 4096);
        EXPECT_TRUE(beyond.empty()) << name;
      }
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

constexpr std::size_t large_size = 40 * MiB + 123;

TEST_P(TreeContent, ALargeFileIsReadInPieces) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      Attributes attributes = attributes_of(S_IFREG | 0600);
      attributes.bytes = large_size;
      const Bytes content = noise(large_size, 1);
      const std::string name = "large";
      co_await put_file(tree, tree.root(), name, attributes, content);
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      const Bytes expected = noise(large_size, 1);
      const NodeId node = entries.at("large").node;
      constexpr std::size_t piece = 3 * MiB;
      for (std::size_t at = 0; at < large_size; at += piece) {
        const Bytes got = co_await content_of(tree, node, at, piece);
        EXPECT_EQ(got.size(), std::min(piece, large_size - at));
        EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin() + static_cast<long>(at)))
            << at;
      }
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeContent, WhatWasJustWrittenCanBeRead) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      const NodeId directory = co_await put_directory(tree, tree.root(), "d");
      const NodeId node = co_await put_small_file(tree, directory, "f", "just now");
      const Bytes content = co_await content_of(tree, node, 0, 100);
      EXPECT_EQ(content.size(), 8U);
      const Entries entries = co_await entries_of(tree, directory);
      EXPECT_EQ(entries.count("f"), 1U);
      const Status synced = co_await tree.sync();
      EXPECT_TRUE(synced);
      co_await put_small_file(tree, directory, "g", "after a sync");
    }
    static Task<void> read(Tree& tree) {
      const Entries root = co_await entries_of(tree, tree.root());
      const Entries entries = co_await entries_of(tree, root.at("d").node);
      EXPECT_EQ(entries.size(), 2U);
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeContent, DirectoriesNestAndCountTheirLinks) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      NodeId at = tree.root();
      for (int depth = 0; depth < 200; ++depth) {
        co_await put_directory(tree, at, "empty");
        at = co_await put_directory(tree, at, "deeper");
      }
      const Attributes attributes = attributes_of(S_IFDIR | S_ISVTX | S_ISGID | 0711);
      const Status set = co_await tree.set_attributes(tree.root(), attributes);
      EXPECT_TRUE(set) << set.error().message;
    }
    static Task<void> read(Tree& tree) {
      const Attributes root = co_await attributes_at(tree, tree.root());
      expect_same(tree, root, attributes_of(S_IFDIR | S_ISVTX | S_ISGID | 0711), "root");
      NodeId at = tree.root();
      for (int depth = 0; depth < 200; ++depth) {
        const Attributes attributes = co_await attributes_at(tree, at);
        EXPECT_EQ(attributes.links, 4U) << "at depth " << depth;
        const Entries entries = co_await entries_of(tree, at);
        EXPECT_EQ(entries.size(), 2U) << "at depth " << depth;
        if (!entries.contains("deeper")) co_return;
        at = entries.at("deeper").node;
      }
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

constexpr DataRange sparse_ranges[] = {
    {4096, 4096}, {65536, 20480}, {5 * GiB, 8192}, {40 * GiB, 1000}};

TEST_P(TreeContent, HolesStayHolesAndFarOffsetsAreReached) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      Attributes attributes = attributes_of(S_IFREG | 0644);
      attributes.bytes = 40 * GiB + 1000;
      const std::string name = "sparse";
      const Result<NodeId> made =
          co_await tree.create_file(tree.root(), name, attributes, sparse_ranges, 1);
      EXPECT_TRUE(made) << made.error().message;
      for (const DataRange& range : sparse_ranges) {
        const Bytes content = noise(range.bytes, range.offset);
        const Status written = co_await tree.write(*made, range.offset, content);
        EXPECT_TRUE(written) << written.error().message;
      }
      const Status finished = co_await tree.finish_file(*made);
      EXPECT_TRUE(finished);
      attributes.bytes = 7 * GiB + 1;  // nothing but a hole
      const std::string other = "hole";
      const std::span<const DataRange> nothing;
      const Result<NodeId> hole =
          co_await tree.create_file(tree.root(), other, attributes, nothing, 2);
      EXPECT_TRUE(hole) << hole.error().message;
      const Status ended = co_await tree.finish_file(*hole);
      EXPECT_TRUE(ended);
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      const NodeId node = entries.at("sparse").node;
      const bool no_holes = lacks(tree, Shortcoming::Of::holes);
      const Result<std::vector<DataRange>> ranges = co_await tree.read_data_ranges(node);
      EXPECT_TRUE(ranges) << ranges.error().message;
      const std::vector<DataRange> expected(std::begin(sparse_ranges), std::end(sparse_ranges));
      if (!no_holes) {
        EXPECT_EQ(*ranges, expected);
      }
      for (const DataRange& range : sparse_ranges) {
        const Bytes content = co_await content_of(tree, node, range.offset, range.bytes);
        EXPECT_TRUE(content == noise(range.bytes, range.offset)) << range.offset;
      }
      const Bytes start = co_await content_of(tree, node, 0, 128 * KiB);
      EXPECT_EQ(start.size(), 128 * KiB);
      for (std::size_t at = 0; at < start.size(); ++at) {
        const bool data = (at >= 4096 && at < 8192) || (at >= 65536 && at < 65536 + 20480);
        if (!data) {
          EXPECT_EQ(start[at], std::byte{0}) << at;
        }
      }
      const Attributes hole = co_await attributes_at(tree, entries.at("hole").node);
      EXPECT_EQ(hole.bytes, 7 * GiB + 1);
      const Result<std::vector<DataRange>> none =
          co_await tree.read_data_ranges(entries.at("hole").node);
      EXPECT_TRUE(none);
      EXPECT_TRUE(no_holes || none->empty());
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeContent, AFileOfThousandsOfPiecesIsHeld) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      std::vector<DataRange> ranges;
      for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(limits.many_ranges); ++i) ranges.push_back({i * 3 * 4096, 4096});
      Attributes attributes = attributes_of(S_IFREG | 0644);
      attributes.bytes = ranges.back().offset + 4096;
      const std::string name = "pieces";
      const Result<NodeId> made =
          co_await tree.create_file(tree.root(), name, attributes, ranges, 1);
      EXPECT_TRUE(made) << made.error().message;
      for (const DataRange& range : ranges) {
        const Bytes content = noise(4096, range.offset);
        const Status written = co_await tree.write(*made, range.offset, content);
        EXPECT_TRUE(written) << written.error().message;
      }
      const Status finished = co_await tree.finish_file(*made);
      EXPECT_TRUE(finished);
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      const NodeId node = entries.at("pieces").node;
      const Result<std::vector<DataRange>> ranges = co_await tree.read_data_ranges(node);
      EXPECT_TRUE(ranges) << ranges.error().message;
      if (!lacks(tree, Shortcoming::Of::holes)) {
        EXPECT_EQ(ranges->size(), static_cast<std::size_t>(limits.many_ranges));
      }
      for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(limits.many_ranges); i += 97) {
        const Bytes content = co_await content_of(tree, node, i * 3 * 4096, 4096);
        EXPECT_TRUE(content == noise(4096, i * 3 * 4096)) << "piece " << i;
      }
      const Bytes stretch = co_await content_of(tree, node, 0, 64 * 3 * 4096);
      for (std::uint64_t i = 0; i < 64; ++i) {
        const auto from = stretch.begin() + static_cast<long>(i * 3 * 4096);
        EXPECT_TRUE(std::equal(from, from + 4096, noise(4096, i * 3 * 4096).begin())) << i;
        EXPECT_EQ(std::count(from + 4096, from + 3 * 4096, std::byte{0}), 8192) << i;
      }
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

TEST_P(TreeContent, WhatWasNeverWrittenReadsAsZeros) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      Attributes attributes = attributes_of(S_IFREG | 0644);
      attributes.bytes = 10 * MiB;
      const DataRange whole{0, 10 * MiB};
      const std::string name = "cut short";
      const Result<NodeId> made =
          co_await tree.create_file(tree.root(), name, attributes, std::span(&whole, 1), 1);
      EXPECT_TRUE(made) << made.error().message;
      const Bytes first = noise(1 * MiB, 1);
      const Status written = co_await tree.write(*made, 0, first);
      EXPECT_TRUE(written);
      const Status more = co_await tree.write(*made, 5 * MiB, first);
      EXPECT_TRUE(more);
      const Status finished = co_await tree.finish_file(*made);
      EXPECT_TRUE(finished) << finished.error().message;
      const std::string other = "never finished";
      const Result<NodeId> left =
          co_await tree.create_file(tree.root(), other, attributes, std::span(&whole, 1), 2);
      EXPECT_TRUE(left);
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      Bytes expected(10 * MiB);
      const NodeId left = entries.at("never finished").node;
      const Bytes nothing = co_await content_of(tree, left, 0, 10 * MiB);
      EXPECT_TRUE(nothing == expected);
      const Bytes first = noise(1 * MiB, 1);
      std::copy(first.begin(), first.end(), expected.begin());
      std::copy(first.begin(), first.end(), expected.begin() + 5 * MiB);
      const NodeId node = entries.at("cut short").node;
      const Bytes got = co_await content_of(tree, node, 0, 10 * MiB);
      EXPECT_TRUE(got == expected);
    }
  };
  fill_and_read(&Bodies::fill, &Bodies::read);
}

INSTANTIATE_TEST_SUITE_P(Trees, TreeContent, every_tree(), name_of);

}  // namespace
}  // namespace holdfast::initiator
