#include "common/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace holdfast {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> stderr_logger() {
  auto logger = std::make_shared<spdlog::logger>(
      "holdfast", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  logger->flush_on(spdlog::level::debug);
  return logger;
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = stderr_logger();
  return instance;
}

}  // namespace

void log_to_stderr(LogLevel at_least) {
  logger() = stderr_logger();
  logger()->set_level(spdlog_level(at_least));
}

void log_to_syslog(const std::string& ident, LogLevel at_least) {
  constexpr int log_daemon_facility = 3 << 3;  // LOG_DAEMON
  constexpr int log_pid = 1;
  logger() = std::make_shared<spdlog::logger>(
      ident, std::make_shared<spdlog::sinks::syslog_sink_mt>(ident, log_pid, log_daemon_facility,
                                                             false));
  logger()->set_level(spdlog_level(at_least));
}

bool log_enabled(LogLevel level) { return logger()->should_log(spdlog_level(level)); }

void log_line(LogLevel level, std::string_view line) {
  logger()->log(spdlog_level(level), "{}", line);
}

}  // namespace holdfast
