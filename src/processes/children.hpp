#pragma once

#include "processes/child.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

namespace processes {

/// The running programs, so that another thread can end them. Thread-safe.
class Children {
  public:
    /// Sends a signal to all of them.
    void interrupt(int signal) {
        const std::lock_guard lock(mutex_);
        for (auto* child : list_)
            child->interrupt(signal);
    }

    /// Keeps a program in the list during its own lifetime.
    class Registration {
      public:
        Registration(Children& children, Child& child) : children_(children), child_(child) {
            const std::lock_guard lock(children_.mutex_);
            children_.list_.push_back(&child_);
        }
        ~Registration() {
            const std::lock_guard lock(children_.mutex_);
            std::erase(children_.list_, &child_);
        }
        Registration(const Registration&) = delete;
        Registration& operator=(const Registration&) = delete;

      private:
        Children& children_;
        Child& child_;
    };

  private:
    std::mutex mutex_;
    std::vector<Child*> list_;
};

} // namespace processes
